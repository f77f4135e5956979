#!/usr/bin/env bash
# Fetches the binarised wmt19.en-de data that HAT's authors published, into data/binary/wmt19_en_de.
#
# usage: bash configs/wmt19.en-de/get_preprocessed.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
[ $# -eq 0 ] || usage_error "expected no argument, but found $1"
cd "$ROOT"
get_preprocessed "https://www.dropbox.com/s/q2st4ox2na9z5z2/wmt19_en_de.preprocessed.tgz?dl=1" data/binary/wmt19_en_de
