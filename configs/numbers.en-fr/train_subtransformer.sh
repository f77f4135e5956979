#!/usr/bin/env bash
# Stage 5: trains the found SubTransformer of numbers.en-fr from scratch.
#
# usage: bash configs/numbers.en-fr/train_subtransformer.sh [SUB.yml [FLAGS OF train.py]]
#   SUB.yml   runs/numbers.en-fr/best_cpu.yml by default
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
sub="$(user_path "${1:-$ROOT/runs/numbers.en-fr/best_cpu.yml}")"
[ -f "$sub" ] || usage_error "SubTransformer file not found: $sub"
cd "$ROOT"
exec "$PYTHON" train.py --configs="$sub" \
  --sub-configs=configs/numbers.en-fr/subtransformer/common.yml \
  --save-dir "runs/numbers.en-fr/subtransformer" "${@:2}"
