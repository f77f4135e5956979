# Shared by the scripts under configs/: source it, do not run it.
#
# Sets ROOT (the repository), PYTHON (the interpreter: $PYTHON, else .venv/bin/python, else
# python), SCRIPT (the script that was called) and TASK (its folder, relative to ROOT).

set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
SCRIPT="${BASH_SOURCE[${#BASH_SOURCE[@]} - 1]}"
SCRIPT="$(cd "$(dirname "$SCRIPT")" && pwd)/$(basename "$SCRIPT")"
TASK="configs/$(basename "$(dirname "$SCRIPT")")"
CALLER_DIR="$PWD"

if [ -z "${PYTHON:-}" ]; then
  if [ -x "$ROOT/.venv/bin/python" ]; then
    PYTHON="$ROOT/.venv/bin/python"
  else
    PYTHON=python
  fi
fi

# Says in one sentence what was wrong, then prints the calling script's usage (its comment from
# "# usage:" to the first blank comment line or code); exit code 2.
usage_error() {
  echo "error: $1" >&2
  awk '/^# usage:/ {on = 1} on && !/^# / {exit} on {sub(/^# /, ""); print}' "$SCRIPT" >&2
  exit 2
}

fail() {
  echo "error: $1" >&2
  exit 2
}

# Turns a path that the user gave into one that holds from the repository root.
user_path() {
  case "$1" in
    /*) echo "$1" ;;
    *) echo "$CALLER_DIR/$1" ;;
  esac
}

# Downloads URL to FILE through a temporary name, so that FILE is always complete.
download() {
  local url="$1" file="$2"
  if [ -s "$file" ]; then
    echo "$file is here already"
    return
  fi
  mkdir -p "$(dirname "$file")"
  echo "downloading $url"
  if ! curl --fail --location --silent --show-error --retry 3 --output "$file.tmp" "$url"; then
    rm -f "$file.tmp"
    fail "could not download $url"
  fi
  mv "$file.tmp" "$file"
}

# Unpacks a published data-bin archive (URL) into FOLDER.
get_preprocessed() {
  local url="$1" folder="$2" archive
  archive="$folder/preprocessed.tgz"
  download "$url" "$archive"
  if ! tar -xzf "$archive" -C "$folder"; then
    rm -f "$archive"
    fail "$url did not give a tar archive; the link may have expired"
  fi
  echo "unpacked into $folder"
}

# Makes LINK a link to FILE, both relative to ROOT.
link() {
  [ -f "$1" ] || fail "$1 is missing"
  mkdir -p "$(dirname "$2")"
  ln -sf "$ROOT/$1" "$2"
}

# Fetches the Moses scripts and sets MOSES to their folder.
get_moses() {
  local archive=data/tools/mosesdecoder-RELEASE-4.0.tar.gz
  MOSES=data/tools/mosesdecoder-RELEASE-4.0/scripts
  if [ ! -d "$MOSES" ]; then
    download "https://github.com/moses-smt/mosesdecoder/archive/refs/tags/RELEASE-4.0.tar.gz" "$archive"
    tar -xzf "$archive" -C data/tools mosesdecoder-RELEASE-4.0/scripts
  fi
}

# Prints FILES, or standard input, under hat's one rule for lines and blanks (hat/text/lines.py),
# and says what that changed. All text goes through it before any other program: Moses drops
# control characters and with them the gap between two words, and grep stops at a NUL.
plain_text() { "$PYTHON" -m hat.cli prepare lines "$@"; }

# Fails unless all FILES have equally many lines: same_lines STEP FILE FILE ...
same_lines() {
  local step="$1" first="$2" file expected found
  shift 2
  expected="$(awk 'END {print NR}' "$first")"
  for file in "$@"; do
    found="$(awk 'END {print NR}' "$file")"
    [ "$found" = "$expected" ] \
      || fail "after $step, $first has $expected lines, but $file has $found"
  done
}

# Tokenises text in LANGUAGE; further flags are tokenizer.perl's (-a splits hyphens).
moses_tokenise() {
  local language="$1"
  shift
  perl "$MOSES/tokenizer/tokenizer.perl" -q -threads "${NUM_WORKERS:-$(nproc)}" -l "$language" "$@"
}

moses_lowercase() { perl "$MOSES/tokenizer/lowercase.perl"; }

# Normalises punctuation and drops characters that do not print.
moses_clean() {
  perl "$MOSES/tokenizer/normalize-punctuation.perl" "$1" \
    | perl "$MOSES/tokenizer/remove-non-printing-char.perl"
}

# The text of the <seg> elements of an SGML or XML test set, one per line, with plain apostrophes.
sgm_segments() {
  [ -f "$1" ] || fail "$1 is missing"
  plain_text "$1" | sed -n -E "/<seg id/{s/.*<seg id=\"[0-9]*\">[[:space:]]*//; s/[[:space:]]*<\/seg>.*//; s/’/'/g; p;}"
}

# Splits FILE: every Nth line goes to HELD_OUT, the others to KEPT.
hold_out() { awk -v n="$1" -v kept="$3" -v held="$4" '{print > (NR % n ? kept : held)}' "$2"; }

# Joint BPE for corpora that do not fit in memory: large_bpe SRC TGT TEXT_DIR MERGES reads
# TEXT_DIR/tok and writes TEXT_DIR/bpe; training and validation pairs longer than 250 units or
# with a length ratio above 1.5 are dropped.
large_bpe() {
  local source="$1" target="$2" text="$3" merges="$4" language split
  mkdir -p "$text/bpe"
  for split in train valid test; do
    same_lines tokenising "$text/tok/$split.$source" "$text/tok/$split.$target"
  done
  cat "$text/tok/train.$source" "$text/tok/train.$target" \
    | "$PYTHON" -m subword_nmt.learn_bpe -s "$merges" > "$text/bpe/codes.tmp"
  mv "$text/bpe/codes.tmp" "$text/bpe/codes"
  for language in "$source" "$target"; do
    for split in train valid test; do
      "$PYTHON" -m subword_nmt.apply_bpe -c "$text/bpe/codes" \
        --num-workers "${NUM_WORKERS:-$(nproc)}" \
        --input "$text/tok/$split.$language" --output "$text/bpe/long.$split.$language"
      same_lines BPE "$text/tok/$split.$language" "$text/bpe/long.$split.$language"
    done
    mv "$text/bpe/long.test.$language" "$text/bpe/test.$language"
  done
  for split in train valid; do
    perl "$MOSES/training/clean-corpus-n.perl" -ratio 1.5 \
      "$text/bpe/long.$split" "$source" "$target" "$text/bpe/$split" 1 250
    same_lines cleaning "$text/bpe/$split.$source" "$text/bpe/$split.$target"
    rm "$text/bpe/long.$split.$source" "$text/bpe/long.$split.$target"
  done
}

# Binarises TEXT/{train,valid,test}.{SRC,TGT} with fairseq into BINARY_DIR; further flags are those
# of hat prepare binarise. What stood in BINARY_DIR is replaced only when all went well.
binarise() {
  local source="$1" target="$2" text="$3" binary="$4"
  shift 4
  "$PYTHON" -m hat.cli prepare binarise --source-lang "$source" --target-lang "$target" \
    --text-dir "$text" --binary-dir "$binary" --workers "${NUM_WORKERS:-$(nproc)}" "$@"
}
