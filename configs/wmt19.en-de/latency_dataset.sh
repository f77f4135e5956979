#!/usr/bin/env bash
# Stage 2: measures SubTransformers of wmt19.en-de on this machine.
#
# usage: bash configs/wmt19.en-de/latency_dataset.sh [HARDWARE [FLAGS OF latency_dataset.py]]
#   HARDWARE   gpu_titanxp
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
