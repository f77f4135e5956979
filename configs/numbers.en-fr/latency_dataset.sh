#!/usr/bin/env bash
# Stage 2: measures SubTransformers of numbers.en-fr on this machine.
#
# usage: bash configs/numbers.en-fr/latency_dataset.sh [HARDWARE [FLAGS OF latency_dataset.py]]
#   HARDWARE   cpu or gpu; cpu by default
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
