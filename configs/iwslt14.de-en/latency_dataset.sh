#!/usr/bin/env bash
# Stage 2: measures SubTransformers of iwslt14.de-en on this machine.
#
# usage: bash configs/iwslt14.de-en/latency_dataset.sh [HARDWARE [FLAGS OF latency_dataset.py]]
#   HARDWARE   gpu_titanxp
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
use_hardware latency_dataset "" "${1:-gpu_titanxp}"
cd "$ROOT"
exec "$PYTHON" latency_dataset.py --configs="$HARDWARE_FILE" \
  --lat-dataset-path "runs/iwslt14.de-en/latency_$HARDWARE.csv" "${@:2}"
