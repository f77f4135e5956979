#!/usr/bin/env bash
# Stage 5: trains the found SubTransformer of iwslt14.de-en from scratch.
#
# usage: bash configs/iwslt14.de-en/train_subtransformer.sh [SUB.yml [FLAGS OF train.py]]
#   SUB.yml   runs/iwslt14.de-en/best_gpu_titanxp.yml by default
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
