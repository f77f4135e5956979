#!/usr/bin/env bash
# Stage 1: trains the SuperTransformer of numbers.en-fr.
#
# usage: bash configs/numbers.en-fr/train_supertransformer.sh [FLAGS OF train.py]
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
