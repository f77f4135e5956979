#!/usr/bin/env bash
# Stage 3: trains the latency predictor of conlang.qaa-qab on what stage 2 measured.
#
# usage: bash configs/conlang.qaa-qab/latency_predictor.sh [HARDWARE [FLAGS OF latency_predictor.py]]
#   HARDWARE   cpu or gpu; cpu by default
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
