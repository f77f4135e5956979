#!/usr/bin/env bash
# Stage 5: trains the found SubTransformer of wmt14.en-fr from scratch.
#
# usage: bash configs/wmt14.en-fr/train_subtransformer.sh [SUB.yml [FLAGS OF train.py]]
#   SUB.yml   runs/wmt14.en-fr/best_gpu_titanxp.yml by default
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
