#!/usr/bin/env bash
# Stage 5: trains the found SubTransformer of numbers.en-fr from scratch.
#
# usage: bash configs/numbers.en-fr/train_subtransformer.sh [SUB.yml [FLAGS OF train.py]]
#   SUB.yml   runs/numbers.en-fr/best_cpu.yml by default
source "$(dirname "${BASH_SOURCE[0]}")/../stage.sh"
