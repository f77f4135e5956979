#!/usr/bin/env bash
# Translates the Multi30k test set (test_2016_flickr) with one SubTransformer and prints its BLEU.
#
# usage: bash configs/multi30k.en-de/test.sh CHECKPOINT SUB.yml [normal|sacre] [GPU] [valid|test]
#   normal   BLEU of the tokenised text with hyphenated words split (the default)
#   sacre    sacreBLEU of the detokenised text, against the untouched references
#   GPU      the number of the GPU to use, 0 by default, or cpu; without a GPU the CPU is used
#   COMMON in the environment names another file of SubTransformer settings than
#   subtransformer/common_cpu.yml, for example subtransformer/common_gpu.yml
source "$(dirname "${BASH_SOURCE[0]}")/../test.sh"
