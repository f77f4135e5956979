#!/usr/bin/env bash
# Fetches the binarised wmt14.en-fr data that HAT's authors published, into data/binary/wmt14_en_fr.
#
# usage: bash configs/wmt14.en-fr/get_preprocessed.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
[ $# -eq 0 ] || usage_error "expected no argument, but found $1"
cd "$ROOT"
get_preprocessed "https://www.dropbox.com/s/mrs8efjrrnc61xi/wmt14_en_fr.preprocessed.tgz?dl=1" data/binary/wmt14_en_fr
