#!/usr/bin/env bash
# Stage 5: trains the found SubTransformer of multi30k.en-de from scratch.
#
# usage: bash configs/multi30k.en-de/train_subtransformer.sh [HARDWARE [SUB.yml [FLAGS OF train.py]]]
#   HARDWARE   cpu or gpu; cpu by default
#   SUB.yml    runs/multi30k.en-de/best_HARDWARE.yml by default
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
