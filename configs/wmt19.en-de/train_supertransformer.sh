#!/usr/bin/env bash
# Stage 1: trains the SuperTransformer of wmt19.en-de.
#
# usage: bash configs/wmt19.en-de/train_supertransformer.sh [FLAGS OF train.py]
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
