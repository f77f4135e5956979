#!/usr/bin/env bash
# Stage 4: searches for the best SubTransformer of wmt19.en-de under the file's latency limit.
#
# usage: bash configs/wmt19.en-de/evo_search.sh [HARDWARE [FLAGS OF evo_search.py]]
#   HARDWARE   gpu_titanxp
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
