#!/usr/bin/env bash
# Stage 2: measures SubTransformers of multi30k.en-de on this machine.
#
# usage: bash configs/multi30k.en-de/latency_dataset.sh [HARDWARE [FLAGS OF latency_dataset.py]]
#   HARDWARE   cpu or gpu; cpu by default
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
