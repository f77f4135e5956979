#!/usr/bin/env bash
# Stage 2: measures SubTransformers of numbers.en-fr on this machine.
#
# usage: bash configs/numbers.en-fr/latency_dataset.sh [HARDWARE [FLAGS OF latency_dataset.py]]
#   HARDWARE   cpu or gpu; cpu by default
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
use_hardware latency_dataset "" "${1:-cpu}"
cd "$ROOT"
exec "$PYTHON" latency_dataset.py --configs="$HARDWARE_FILE" \
  --lat-dataset-path "runs/numbers.en-fr/latency_$HARDWARE.csv" "${@:2}"
