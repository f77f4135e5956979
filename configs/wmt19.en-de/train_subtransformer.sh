#!/usr/bin/env bash
# Stage 5: trains the found SubTransformer of wmt19.en-de from scratch.
#
# usage: bash configs/wmt19.en-de/train_subtransformer.sh [SUB.yml [FLAGS OF train.py]]
#   SUB.yml   runs/wmt19.en-de/best_gpu_titanxp.yml by default
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
