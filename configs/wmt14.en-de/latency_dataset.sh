#!/usr/bin/env bash
# Stage 2: measures SubTransformers of wmt14.en-de on this machine.
#
# usage: bash configs/wmt14.en-de/latency_dataset.sh [HARDWARE [FLAGS OF latency_dataset.py]]
#   HARDWARE   gpu_titanxp, cpu_xeon or cpu_raspberrypi; gpu_titanxp by default
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
use_hardware latency_dataset "" "${1:-gpu_titanxp}"
cd "$ROOT"
exec "$PYTHON" latency_dataset.py --configs="$HARDWARE_FILE" \
  --lat-dataset-path "runs/wmt14.en-de/latency_$HARDWARE.csv" "${@:2}"
