#!/usr/bin/env bash
# Stage 4: searches for the best SubTransformer of wmt19.en-de under the file's latency limit.
#
# usage: bash configs/wmt19.en-de/evo_search.sh [HARDWARE [FLAGS OF evo_search.py]]
#   HARDWARE   gpu_titanxp
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
use_hardware evo_search wmt19ende_ "${1:-gpu_titanxp}"
cd "$ROOT"
exec "$PYTHON" evo_search.py --configs=configs/wmt19.en-de/supertransformer/space0.yml \
  --evo-configs="$HARDWARE_FILE" \
  --restore-file runs/wmt19.en-de/supertransformer/checkpoint_best.pt \
  --ckpt-path "runs/wmt19.en-de/predictor_$HARDWARE.pt" \
  --write-config-path "runs/wmt19.en-de/best_$HARDWARE.yml" "${@:2}"
