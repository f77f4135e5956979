#!/usr/bin/env bash
# Binarises Google's tokenised and BPE-split WMT16 en-de text, on which WMT14 en-de systems are
# trained: 32k joint BPE, newstest2013 to validate, newstest2014 to test.
#
# usage: bash configs/wmt14.en-de/preprocess.sh [wmt16_en_de.tar.gz]
#   wmt16_en_de.tar.gz   the archive; by default data/wmt16_en_de.tar.gz, downloaded if missing
#   NUM_WORKERS in the environment sets the number of processes (default: all cores).
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
[ $# -le 1 ] || usage_error "expected at most one argument"
archive="$(user_path "${1:-$ROOT/data/wmt16_en_de.tar.gz}")"
cd "$ROOT"
if [ $# -eq 0 ]; then
  download "https://drive.usercontent.google.com/download?id=0B_bZck-ksdkpM25jRUN2X2UxMm8&export=download&confirm=t" "$archive"
fi
[ -f "$archive" ] || usage_error "archive not found: $1"

text=data/text/wmt16_en_de
mkdir -p "$text"
tar -xzf "$archive" -C "$text" || fail "$archive is not a complete tar.gz archive"
for language in en de; do
  link "$text/train.tok.clean.bpe.32000.$language" "$text/bpe/train.$language"
  link "$text/newstest2013.tok.bpe.32000.$language" "$text/bpe/valid.$language"
  link "$text/newstest2014.tok.bpe.32000.$language" "$text/bpe/test.$language"
done
binarise en de "$text/bpe" data/binary/wmt16_en_de --joined-dictionary --nwordssrc 32768 --nwordstgt 32768
