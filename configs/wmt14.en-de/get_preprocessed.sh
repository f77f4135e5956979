#!/usr/bin/env bash
# Fetches the binarised wmt14.en-de data that HAT's authors published, into data/binary/wmt16_en_de.
#
# usage: bash configs/wmt14.en-de/get_preprocessed.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
[ $# -eq 0 ] || usage_error "expected no argument, but found $1"
cd "$ROOT"
get_preprocessed "https://www.dropbox.com/s/axfwl1vawper8yk/wmt16_en_de.preprocessed.tgz?dl=1" data/binary/wmt16_en_de
