#!/usr/bin/env bash
# Makes IWSLT14 de-en as HAT and fairseq's examples do: Moses tokens in lower case, pairs of 1 to
# 175 tokens and a length ratio up to 1.5, every 23rd pair to validate, five TED sets together to
# test, 10k joint BPE, separate dictionaries.
#
# usage: bash configs/iwslt14.de-en/preprocess.sh [de-en.tgz]
#   de-en.tgz   the archive of WIT3, 2014-01; by default data/raw/iwslt14/de-en.tgz, fetched if missing
#   NUM_WORKERS in the environment sets the number of processes (default: all cores).
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
[ $# -le 1 ] || usage_error "expected at most one argument"
archive="$(user_path "${1:-$ROOT/data/raw/iwslt14/de-en.tgz}")"
cd "$ROOT"
[ $# -eq 1 ] || download "https://wit3.fbk.eu/archive/2014-01/texts/de/en/de-en.tgz" "$archive"
[ -f "$archive" ] || usage_error "archive not found: $1"
get_moses

text=data/text/iwslt14_de_en
work="$text/work"
mkdir -p "$work" "$text/tok"
tar -xzf "$archive" -C "$work" || fail "$archive is not a complete tar.gz archive"

same_lines unpacking "$work/de-en/train.tags.de-en.de" "$work/de-en/train.tags.de-en.en"
for language in de en; do
  # Lines with these tags are about the talk, not of it; titles and descriptions are text.
  plain_text "$work/de-en/train.tags.de-en.$language" \
    | grep -avE '<(url|talkid|keywords)>' \
    | sed -E 's#</?(title|description)>##g' \
    | moses_tokenise "$language" > "$work/train.tok.$language"
  for file in TED.dev2010 TEDX.dev2012 TED.tst2010 TED.tst2011 TED.tst2012; do
    sgm_segments "$work/de-en/IWSLT14.$file.de-en.$language.xml"
  done | moses_tokenise "$language" | moses_lowercase > "$text/tok/test.$language"
done

same_lines tokenising "$work/train.tok.de" "$work/train.tok.en"
same_lines tokenising "$text/tok/test.de" "$text/tok/test.en"

perl "$MOSES/training/clean-corpus-n.perl" -ratio 1.5 "$work/train.tok" de en "$work/train.clean" 1 175
same_lines cleaning "$work/train.clean.de" "$work/train.clean.en"
for language in de en; do
  moses_lowercase < "$work/train.clean.$language" > "$work/train.$language"
  hold_out 23 "$work/train.$language" "$text/tok/train.$language" "$text/tok/valid.$language"
done

"$PYTHON" -m hat.cli prepare bpe --source-lang de --target-lang en --text-dir "$text" --merges 10000
binarise de en "$text/bpe" data/binary/iwslt14_de_en
