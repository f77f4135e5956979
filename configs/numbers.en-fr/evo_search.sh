#!/usr/bin/env bash
# Stage 4: searches for the best SubTransformer of numbers.en-fr under the file's latency limit.
#
# usage: bash configs/numbers.en-fr/evo_search.sh [HARDWARE [FLAGS OF evo_search.py]]
#   HARDWARE   cpu or gpu; cpu by default
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
use_hardware evo_search "" "${1:-cpu}"
cd "$ROOT"
exec "$PYTHON" evo_search.py --configs=configs/numbers.en-fr/supertransformer/space0.yml \
  --evo-configs="$HARDWARE_FILE" \
  --restore-file runs/numbers.en-fr/supertransformer/checkpoint_best.pt \
  --ckpt-path "runs/numbers.en-fr/predictor_$HARDWARE.pt" \
  --write-config-path "runs/numbers.en-fr/best_$HARDWARE.yml" "${@:2}"
