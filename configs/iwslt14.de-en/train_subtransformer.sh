#!/usr/bin/env bash
# Stage 5: trains the found SubTransformer of iwslt14.de-en from scratch.
#
# usage: bash configs/iwslt14.de-en/train_subtransformer.sh [SUB.yml [FLAGS OF train.py]]
#   SUB.yml   runs/iwslt14.de-en/best_gpu_titanxp.yml by default
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
sub="$(user_path "${1:-$ROOT/runs/iwslt14.de-en/best_gpu_titanxp.yml}")"
[ -f "$sub" ] || usage_error "SubTransformer file not found: $sub"
cd "$ROOT"
exec "$PYTHON" train.py --configs="$sub" \
  --sub-configs=configs/iwslt14.de-en/subtransformer/common.yml \
  --save-dir "runs/iwslt14.de-en/subtransformer" "${@:2}"
