#!/usr/bin/env bash
# Stage 3: trains the latency predictor of wmt14.en-de on what stage 2 measured.
#
# usage: bash configs/wmt14.en-de/latency_predictor.sh [HARDWARE [FLAGS OF latency_predictor.py]]
#   HARDWARE   gpu_titanxp, cpu_xeon or cpu_raspberrypi; gpu_titanxp by default
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
