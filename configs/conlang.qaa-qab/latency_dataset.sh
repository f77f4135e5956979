#!/usr/bin/env bash
# Stage 2: measures SubTransformers of conlang.qaa-qab on this machine.
#
# usage: bash configs/conlang.qaa-qab/latency_dataset.sh [HARDWARE [FLAGS OF latency_dataset.py]]
#   HARDWARE   cpu or gpu; cpu by default
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
