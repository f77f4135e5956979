#!/usr/bin/env bash
# Stage 4: searches for the best SubTransformer of multi30k.en-de under the file's latency limit.
#
# usage: bash configs/multi30k.en-de/evo_search.sh [HARDWARE [FLAGS OF evo_search.py]]
#   HARDWARE   cpu or gpu; cpu by default
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
use_hardware evo_search "" "${1:-cpu}"
cd "$ROOT"
exec "$PYTHON" evo_search.py --configs="$TASK/supertransformer/space_$HARDWARE.yml" \
  --evo-configs="$HARDWARE_FILE" \
  --restore-file "runs/multi30k.en-de/supertransformer_$HARDWARE/checkpoint_best.pt" \
  --ckpt-path "runs/multi30k.en-de/predictor_$HARDWARE.pt" \
  --write-config-path "runs/multi30k.en-de/best_$HARDWARE.yml" "${@:2}"
