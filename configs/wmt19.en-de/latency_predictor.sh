#!/usr/bin/env bash
# Stage 3: trains the latency predictor of wmt19.en-de on what stage 2 measured.
#
# usage: bash configs/wmt19.en-de/latency_predictor.sh [HARDWARE [FLAGS OF latency_predictor.py]]
#   HARDWARE   gpu_titanxp
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
