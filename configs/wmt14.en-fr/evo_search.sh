#!/usr/bin/env bash
# Stage 4: searches for the best SubTransformer of wmt14.en-fr under the file's latency limit.
#
# usage: bash configs/wmt14.en-fr/evo_search.sh [HARDWARE [FLAGS OF evo_search.py]]
#   HARDWARE   gpu_titanxp, cpu_xeon or cpu_raspberrypi; gpu_titanxp by default
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
use_hardware evo_search wmt14enfr_ "${1:-gpu_titanxp}"
cd "$ROOT"
exec "$PYTHON" evo_search.py --configs=configs/wmt14.en-fr/supertransformer/space0.yml \
  --evo-configs="$HARDWARE_FILE" \
  --restore-file runs/wmt14.en-fr/supertransformer/checkpoint_best.pt \
  --ckpt-path "runs/wmt14.en-fr/predictor_$HARDWARE.pt" \
  --write-config-path "runs/wmt14.en-fr/best_$HARDWARE.yml" "${@:2}"
