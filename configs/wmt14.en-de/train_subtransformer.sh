#!/usr/bin/env bash
# Stage 5: trains the found SubTransformer of wmt14.en-de from scratch.
#
# usage: bash configs/wmt14.en-de/train_subtransformer.sh [SUB.yml [FLAGS OF train.py]]
#   SUB.yml   runs/wmt14.en-de/best_gpu_titanxp.yml by default
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
