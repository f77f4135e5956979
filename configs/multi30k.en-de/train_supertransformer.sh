#!/usr/bin/env bash
# Stage 1: trains the SuperTransformer of multi30k.en-de.
#
# usage: bash configs/multi30k.en-de/train_supertransformer.sh [HARDWARE [FLAGS OF train.py]]
#   HARDWARE   cpu or gpu; cpu by default
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
use_hardware supertransformer space_ "${1:-cpu}"
cd "$ROOT"
exec "$PYTHON" train.py --configs="$HARDWARE_FILE" \
  --save-dir "runs/multi30k.en-de/supertransformer_$HARDWARE" "${@:2}"
