#!/usr/bin/env bash
# Stage 4: searches for the best SubTransformer of wmt14.en-de under the file's latency limit.
#
# usage: bash configs/wmt14.en-de/evo_search.sh [HARDWARE [FLAGS OF evo_search.py]]
#   HARDWARE   gpu_titanxp, cpu_xeon or cpu_raspberrypi; gpu_titanxp by default
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
