#!/usr/bin/env bash
# Stage 5: trains the found SubTransformer of conlang.qaa-qab from scratch.
#
# usage: bash configs/conlang.qaa-qab/train_subtransformer.sh [SUB.yml [FLAGS OF train.py]]
#   SUB.yml   runs/conlang.qaa-qab/best_cpu.yml by default
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
