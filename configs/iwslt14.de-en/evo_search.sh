#!/usr/bin/env bash
# Stage 4: searches for the best SubTransformer of iwslt14.de-en under the file's latency limit.
#
# usage: bash configs/iwslt14.de-en/evo_search.sh [HARDWARE [FLAGS OF evo_search.py]]
#   HARDWARE   gpu_titanxp
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
use_hardware evo_search iwslt14deen_ "${1:-gpu_titanxp}"
cd "$ROOT"
exec "$PYTHON" evo_search.py --configs=configs/iwslt14.de-en/supertransformer/space1.yml \
  --evo-configs="$HARDWARE_FILE" \
  --restore-file runs/iwslt14.de-en/supertransformer/checkpoint_best.pt \
  --ckpt-path "runs/iwslt14.de-en/predictor_$HARDWARE.pt" \
  --write-config-path "runs/iwslt14.de-en/best_$HARDWARE.yml" "${@:2}"
