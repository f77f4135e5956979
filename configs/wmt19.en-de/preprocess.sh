#!/usr/bin/env bash
# Makes WMT19 en-de as HAT does: six corpora, Moses tokens with split hyphens, newstest2017 to
# validate, newstest2018 to test, 40k joint BPE, pairs of 1 to 250 units and a length ratio up to 1.5.
# Downloads several GB and takes many hours.
#
# usage: bash configs/wmt19.en-de/preprocess.sh [RAW_DIR]
#   RAW_DIR   folder of the downloaded archives; data/raw/wmt19_en_de by default, fetched if missing
#   NUM_WORKERS in the environment sets the number of processes (default: all cores).
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
[ $# -le 1 ] || usage_error "expected at most one argument"
raw="$(user_path "${1:-$ROOT/data/raw/wmt19_en_de}")"
cd "$ROOT"
get_moses

text=data/text/wmt19_en_de
work="$text/work"
mkdir -p "$raw" "$work" "$text/tok"
europarl="$raw/europarl-v9.de-en.tsv.gz"
paracrawl="$raw/en-de.bicleaner07.txt.gz"
commoncrawl="$raw/training-parallel-commoncrawl.tgz"
news="$raw/news-commentary-v14.de-en.tsv.gz"
titles="$raw/wikititles-v1.de-en.tsv.gz"
rapid="$raw/rapid2019.de-en.zip"
dev="$raw/dev.tgz"
download "http://www.statmt.org/europarl/v9/training/europarl-v9.de-en.tsv.gz" "$europarl"
download "https://s3.amazonaws.com/web-language-models/paracrawl/release3/en-de.bicleaner07.txt.gz" "$paracrawl"
download "http://www.statmt.org/wmt13/training-parallel-commoncrawl.tgz" "$commoncrawl"
download "http://data.statmt.org/news-commentary/v14/training/news-commentary-v14.de-en.tsv.gz" "$news"
download "http://data.statmt.org/wikititles/v1/wikititles-v1.de-en.tsv.gz" "$titles"
download "https://s3-eu-west-1.amazonaws.com/tilde-model/rapid2019.de-en.zip" "$rapid"
download "http://data.statmt.org/wmt19/translation-task/dev.tgz" "$dev"
tar -xzf "$commoncrawl" -C "$work"
tar -xzf "$dev" -C "$work"
unzip -o -q "$rapid" -d "$work"

# column LANGUAGE: the column of the language in the files that name German first
column() { [ "$1" = de ] && echo 1 || echo 2; }
for corpus in commoncrawl.de-en rapid2019.de-en; do
  same_lines unpacking "$work/$corpus.en" "$work/$corpus.de"
done
for language in en de; do
  {
    {
      gunzip -c "$paracrawl" | cut -f "$([ "$language" = en ] && echo 1 || echo 2)"
      for file in "$news" "$titles" "$europarl"; do
        gunzip -c "$file" | cut -f "$(column "$language")"
      done
    } | plain_text
    plain_text "$work/commoncrawl.de-en.$language" "$work/rapid2019.de-en.$language"
  } | moses_clean "$language" | moses_tokenise "$language" -a > "$text/tok/train.$language"
  side=$([ "$language" = en ] && echo src || echo ref)
  sgm_segments "$work/dev/newstest2017-ende-$side.$language.sgm" | moses_tokenise "$language" -a > "$text/tok/valid.$language"
  sgm_segments "$work/dev/newstest2018-ende-$side.$language.sgm" | moses_tokenise "$language" -a > "$text/tok/test.$language"
done

large_bpe en de "$text" 40000

# HAT's own dictionary, so that its checkpoints fit.
download "https://www.dropbox.com/s/u9h8ns6xe8ux91d/wmt19ende_dict.txt?dl=1" "$text/dict.txt"
binarise en de "$text/bpe" data/binary/wmt19_en_de --joined-dictionary --tgtdict "$text/dict.txt" --thresholdsrc 1 --thresholdtgt 1
