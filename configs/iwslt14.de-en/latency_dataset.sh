#!/usr/bin/env bash
# Stage 2: measures SubTransformers of iwslt14.de-en on this machine.
#
# usage: bash configs/iwslt14.de-en/latency_dataset.sh [HARDWARE [FLAGS OF latency_dataset.py]]
#   HARDWARE   gpu_titanxp
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
