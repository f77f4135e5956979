#!/usr/bin/env bash
# Averages the last checkpoints of a training, as HAT does before testing IWSLT models.
#
# usage: bash configs/iwslt14.de-en/average_checkpoint.sh SAVE_DIR [N]
#   N   how many epoch checkpoints, 10 by default; writes SAVE_DIR/average_model_N.pt
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
  usage_error "expected a folder of checkpoints"
fi
folder="$(user_path "$1")"
count="${2:-10}"
[ -d "$folder" ] || usage_error "folder not found: $1"
cd "$ROOT"
exec "$PYTHON" -m hat.cli average-checkpoints --inputs "$folder" \
  --num-epoch-checkpoints "$count" --output "$folder/average_model_$count.pt"
