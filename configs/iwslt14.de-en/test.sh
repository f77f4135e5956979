#!/usr/bin/env bash
# Translates the iwslt14.de-en test set with one SubTransformer and prints its BLEU.
# Beam search as in HAT's experiments: beam 5.
#
# usage: bash configs/iwslt14.de-en/test.sh CHECKPOINT SUB.yml [normal|sacre] [GPU] [valid|test]
#   normal   BLEU of the tokenised text with hyphenated words split (the default)
#   sacre    sacreBLEU of the detokenised text
#   GPU      the number of the GPU to use, 0 by default, or cpu; without a GPU the CPU is used
source "$(dirname "${BASH_SOURCE[0]}")/../test.sh"
