#!/usr/bin/env bash
# Stage 4: searches for the best SubTransformer of iwslt14.de-en under the file's latency limit.
#
# usage: bash configs/iwslt14.de-en/evo_search.sh [HARDWARE [FLAGS OF evo_search.py]]
#   HARDWARE   gpu_titanxp
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
