#!/usr/bin/env bash
# Stage 1: trains the SuperTransformer of iwslt14.de-en.
#
# usage: bash configs/iwslt14.de-en/train_supertransformer.sh [FLAGS OF train.py]
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
