#!/usr/bin/env bash
# Stage 1: trains the SuperTransformer of conlang.qaa-qab.
#
# usage: bash configs/conlang.qaa-qab/train_supertransformer.sh [FLAGS OF train.py]
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
