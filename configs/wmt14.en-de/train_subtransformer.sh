#!/usr/bin/env bash
# Stage 5: trains the found SubTransformer of wmt14.en-de from scratch.
#
# usage: bash configs/wmt14.en-de/train_subtransformer.sh [SUB.yml [FLAGS OF train.py]]
#   SUB.yml   runs/wmt14.en-de/best_gpu_titanxp.yml by default
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
sub="$(user_path "${1:-$ROOT/runs/wmt14.en-de/best_gpu_titanxp.yml}")"
[ -f "$sub" ] || usage_error "SubTransformer file not found: $sub"
cd "$ROOT"
exec "$PYTHON" train.py --configs="$sub" \
  --sub-configs=configs/wmt14.en-de/subtransformer/common.yml \
  --save-dir "runs/wmt14.en-de/subtransformer" "${@:2}"
