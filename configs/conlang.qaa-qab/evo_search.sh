#!/usr/bin/env bash
# Stage 4: searches for the best SubTransformer of conlang.qaa-qab under the file's latency limit.
#
# usage: bash configs/conlang.qaa-qab/evo_search.sh [HARDWARE [FLAGS OF evo_search.py]]
#   HARDWARE   cpu or gpu; cpu by default
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
