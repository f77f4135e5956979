#!/usr/bin/env bash
# Stage 3: trains the latency predictor of iwslt14.de-en on what stage 2 measured.
#
# usage: bash configs/iwslt14.de-en/latency_predictor.sh [HARDWARE [FLAGS OF latency_predictor.py]]
#   HARDWARE   gpu_titanxp
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
