#!/usr/bin/env bash
# Stage 3: trains the latency predictor of iwslt14.de-en on what stage 2 measured.
#
# usage: bash configs/iwslt14.de-en/latency_predictor.sh [HARDWARE [FLAGS OF latency_predictor.py]]
#   HARDWARE   gpu_titanxp
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
use_hardware latency_predictor "" "${1:-gpu_titanxp}"
cd "$ROOT"
exec "$PYTHON" latency_predictor.py --configs="$HARDWARE_FILE" \
  --lat-dataset-path "runs/iwslt14.de-en/latency_$HARDWARE.csv" \
  --ckpt-path "runs/iwslt14.de-en/predictor_$HARDWARE.pt" "${@:2}"
