#!/usr/bin/env bash
# Stage 2: measures SubTransformers of wmt14.en-de on this machine.
#
# usage: bash configs/wmt14.en-de/latency_dataset.sh [HARDWARE [FLAGS OF latency_dataset.py]]
#   HARDWARE   gpu_titanxp, cpu_xeon or cpu_raspberrypi; gpu_titanxp by default
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
