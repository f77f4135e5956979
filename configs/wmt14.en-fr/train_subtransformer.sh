#!/usr/bin/env bash
# Stage 5: trains the found SubTransformer of wmt14.en-fr from scratch.
#
# usage: bash configs/wmt14.en-fr/train_subtransformer.sh [SUB.yml [FLAGS OF train.py]]
#   SUB.yml   runs/wmt14.en-fr/best_gpu_titanxp.yml by default
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
sub="$(user_path "${1:-$ROOT/runs/wmt14.en-fr/best_gpu_titanxp.yml}")"
[ -f "$sub" ] || usage_error "SubTransformer file not found: $sub"
cd "$ROOT"
exec "$PYTHON" train.py --configs="$sub" \
  --sub-configs=configs/wmt14.en-fr/subtransformer/common.yml \
  --save-dir "runs/wmt14.en-fr/subtransformer" "${@:2}"
