#!/usr/bin/env bash
# Stage 1: trains the SuperTransformer of multi30k.en-de.
#
# usage: bash configs/multi30k.en-de/train_supertransformer.sh [HARDWARE [FLAGS OF train.py]]
#   HARDWARE   cpu or gpu; cpu by default
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
