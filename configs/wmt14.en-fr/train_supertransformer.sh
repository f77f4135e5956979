#!/usr/bin/env bash
# Stage 1: trains the SuperTransformer of wmt14.en-fr.
#
# usage: bash configs/wmt14.en-fr/train_supertransformer.sh [FLAGS OF train.py]
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
