#!/usr/bin/env bash
# Makes WMT14 en-fr as HAT and fairseq's examples do: five corpora, Moses tokens with split hyphens,
# every 1,333rd pair to validate, newstest2014 to test, 40k joint BPE, pairs of 1 to 250 units and a
# length ratio up to 1.5. Downloads some 8 GB and takes many hours.
#
# usage: bash configs/wmt14.en-fr/preprocess.sh [RAW_DIR]
#   RAW_DIR   folder of the downloaded archives; data/raw/wmt14_en_fr by default, fetched if missing
#   NUM_WORKERS in the environment sets the number of processes (default: all cores).
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
[ $# -le 1 ] || usage_error "expected at most one argument"
raw="$(user_path "${1:-$ROOT/data/raw/wmt14_en_fr}")"
cd "$ROOT"
get_moses

text=data/text/wmt14_en_fr
work="$text/work"
mkdir -p "$raw" "$work" "$text/tok"
for path in wmt13/training-parallel-europarl-v7.tgz wmt13/training-parallel-commoncrawl.tgz \
  wmt13/training-parallel-un.tgz wmt14/training-parallel-nc-v9.tgz \
  wmt10/training-giga-fren.tar wmt14/test-full.tgz; do
  download "http://statmt.org/$path" "$raw/$(basename "$path")"
  tar -xf "$raw/$(basename "$path")" -C "$work"
done
gunzip -f "$work"/giga-fren.release2.fixed.*.gz

corpora=()
for corpus in training/europarl-v7.fr-en commoncrawl.fr-en un/undoc.2000.fr-en \
  training/news-commentary-v9.fr-en giga-fren.release2.fixed; do
  same_lines unpacking "$work/$corpus.en" "$work/$corpus.fr"
  corpora+=("$work/$corpus")
done
for language in en fr; do
  plain_text "${corpora[@]/%/.$language}" | moses_clean "$language" | moses_tokenise "$language" -a > "$work/all.$language"
  hold_out 1333 "$work/all.$language" "$text/tok/train.$language" "$text/tok/valid.$language"
done
sgm_segments "$work/test-full/newstest2014-fren-src.en.sgm" | moses_tokenise en -a > "$text/tok/test.en"
sgm_segments "$work/test-full/newstest2014-fren-ref.fr.sgm" | moses_tokenise fr -a > "$text/tok/test.fr"

large_bpe en fr "$text" 40000

# HAT's own dictionary, so that its checkpoints fit.
download "https://www.dropbox.com/s/sgx2z11oo5mgube/wmt14enfr_dict.txt?dl=1" "$text/dict.txt"
binarise en fr "$text/bpe" data/binary/wmt14_en_fr --joined-dictionary --tgtdict "$text/dict.txt"
