#!/usr/bin/env bash
# Fetches the binarised iwslt14.de-en data that HAT's authors published, into data/binary/iwslt14_de_en.
#
# usage: bash configs/iwslt14.de-en/get_preprocessed.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
[ $# -eq 0 ] || usage_error "expected no argument, but found $1"
cd "$ROOT"
get_preprocessed "https://www.dropbox.com/s/t5dqiamjdzahhfc/iwslt14_de_en.preproessed.tgz?dl=1" data/binary/iwslt14_de_en
