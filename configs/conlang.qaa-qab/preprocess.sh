#!/usr/bin/env bash
# Makes the task of two invented languages: words and sentences from a seed, joint BPE, binarised.
# Needs no download; the same seed gives the same files.
#
# usage: bash configs/conlang.qaa-qab/preprocess.sh [SEED]
#   SEED   a number, 1 by default
#
# Writes data/text/conlang_qaa_qab and data/binary/conlang_qaa_qab.
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
[ $# -le 1 ] || usage_error "expected at most one argument"
seed="${1:-1}"
[[ "$seed" =~ ^[0-9]+$ ]] || usage_error "the seed is a whole number, not $seed"
cd "$ROOT"

text=data/text/conlang_qaa_qab
"$PYTHON" -m hat.cli prepare conlang --seed "$seed" --text-dir "$text"
binarise qaa qab "$text/bpe" data/binary/conlang_qaa_qab --joined-dictionary
