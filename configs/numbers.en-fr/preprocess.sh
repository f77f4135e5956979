#!/usr/bin/env bash
# Makes the number-words task: spells numbers below 10^12 in two languages, learns joint BPE,
# binarises. Needs no download; the same seed gives the same files.
#
# usage: bash configs/numbers.en-fr/preprocess.sh [SEED]
#   SEED   a number, 1 by default
#
# Writes data/text/numbers_en_fr and data/binary/numbers_en_fr.
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
[ $# -le 1 ] || usage_error "expected at most one argument"
seed="${1:-1}"
[[ "$seed" =~ ^[0-9]+$ ]] || usage_error "the seed is a whole number, not $seed"
cd "$ROOT"

text=data/text/numbers_en_fr
"$PYTHON" -m hat.cli prepare numbers --source-lang en --target-lang fr --seed "$seed" --text-dir "$text"
binarise en fr "$text/bpe" data/binary/numbers_en_fr --joined-dictionary
