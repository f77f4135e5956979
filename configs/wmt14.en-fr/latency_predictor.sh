#!/usr/bin/env bash
# Stage 3: trains the latency predictor of wmt14.en-fr on what stage 2 measured.
#
# usage: bash configs/wmt14.en-fr/latency_predictor.sh [HARDWARE [FLAGS OF latency_predictor.py]]
#   HARDWARE   gpu_titanxp, cpu_xeon or cpu_raspberrypi; gpu_titanxp by default
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
use_hardware latency_predictor "" "${1:-gpu_titanxp}"
cd "$ROOT"
exec "$PYTHON" latency_predictor.py --configs="$HARDWARE_FILE" \
  --lat-dataset-path "runs/wmt14.en-fr/latency_$HARDWARE.csv" \
  --ckpt-path "runs/wmt14.en-fr/predictor_$HARDWARE.pt" "${@:2}"
