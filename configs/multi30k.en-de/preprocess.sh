#!/usr/bin/env bash
# Makes Multi30k en-de: normalises and tokenises with sacremoses (case is kept), learns 8,000 merges
# of joint BPE, binarises with one dictionary.
#
# usage: bash configs/multi30k.en-de/preprocess.sh [RAW_DIR]
#   RAW_DIR   folder of {train,val,test_2016_flickr}.{en,de}[.gz]; by default they are fetched from
#             the dataset's public repository
#
# Writes data/text/multi30k_en_de (raw, tok, bpe) and data/binary/multi30k_en_de.
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
[ $# -le 1 ] || usage_error "expected at most one argument"
if [ $# -eq 1 ]; then
  raw="$(user_path "$1")"
  [ -d "$raw" ] || usage_error "folder not found: $1"
  cd "$ROOT"
else
  cd "$ROOT"
  raw=data/raw/multi30k
  for split in train val test_2016_flickr; do
    for language in en de; do
      download "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/$split.$language.gz" "$raw/$split.$language.gz"
    done
  done
fi

text=data/text/multi30k_en_de
"$PYTHON" -m hat.cli prepare multi30k --raw-dir "$raw" --text-dir "$text"
binarise en de "$text/bpe" data/binary/multi30k_en_de --joined-dictionary
