#!/usr/bin/env bash
# Stage 5: trains the found SubTransformer of multi30k.en-de from scratch.
#
# usage: bash configs/multi30k.en-de/train_subtransformer.sh [HARDWARE [SUB.yml [FLAGS OF train.py]]]
#   HARDWARE   cpu or gpu; cpu by default
#   SUB.yml    runs/multi30k.en-de/best_HARDWARE.yml by default
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
use_hardware subtransformer common_ "${1:-cpu}"
sub="$(user_path "${2:-$ROOT/runs/multi30k.en-de/best_$HARDWARE.yml}")"
[ -f "$sub" ] || usage_error "SubTransformer file not found: $sub"
cd "$ROOT"
exec "$PYTHON" train.py --configs="$sub" \
  --sub-configs="$HARDWARE_FILE" \
  --save-dir "runs/multi30k.en-de/subtransformer_$HARDWARE" "${@:3}"
