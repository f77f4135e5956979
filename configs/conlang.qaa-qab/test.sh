#!/usr/bin/env bash
# Translates the invented test set with one SubTransformer and prints its BLEU, chrF and
# share of exactly right sentences.
#
# usage: bash configs/conlang.qaa-qab/test.sh CHECKPOINT SUB.yml [normal|sacre] [GPU] [valid|test]
#   GPU   the number of the GPU to use, 0 by default, or cpu; without a GPU the CPU is used
source "$(dirname "${BASH_SOURCE[0]}")/../test.sh"
