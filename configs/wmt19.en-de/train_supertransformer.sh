#!/usr/bin/env bash
# Stage 1: trains the SuperTransformer of wmt19.en-de.
#
# usage: bash configs/wmt19.en-de/train_supertransformer.sh [FLAGS OF train.py]
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
cd "$ROOT"
exec "$PYTHON" train.py --configs=configs/wmt19.en-de/supertransformer/space0.yml --save-dir runs/wmt19.en-de/supertransformer "$@"
