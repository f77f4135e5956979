# Shared by the scripts under configs/: source it, do not run it.
#
# Sets ROOT (the repository), PYTHON (the interpreter: $PYTHON, else .venv/bin/python, else
# python) and TASK (the calling script's folder, relative to ROOT).

set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
SCRIPT="$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)/$(basename "${BASH_SOURCE[1]}")"
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

# Finds the file of a hardware in a folder of the task: use_hardware FOLDER PREFIX HARDWARE sets
# HARDWARE and HARDWARE_FILE. HAT names its search files after the task and the device alone
# (wmt14ende_titanxp.yml), the others after kind and device (gpu_titanxp.yml): a PREFIX asks for
# the first form.
use_hardware() {
  local folder="$TASK/$1" prefix="$2"
  HARDWARE="$3"
  HARDWARE_FILE="$folder/$HARDWARE.yml"
  [ -z "$prefix" ] || HARDWARE_FILE="$folder/${prefix}_${HARDWARE#*_}.yml"
  [ -f "$ROOT/$HARDWARE_FILE" ] || usage_error "there is no $HARDWARE_FILE"
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

# Binarises TEXT/{train,valid,test}.{SRC,TGT} with fairseq into BINARY_DIR; further flags are
# fairseq-preprocess's. What stood in BINARY_DIR is replaced only when all went well.
binarise() {
  local source="$1" target="$2" text="$3" binary="$4"
  shift 4
  rm -rf "$binary.tmp"
  mkdir -p "$binary.tmp"
  if ! "$PYTHON" -m fairseq_cli.preprocess --source-lang "$source" --target-lang "$target" \
    --trainpref "$text/train" --validpref "$text/valid" --testpref "$text/test" \
    --destdir "$binary.tmp" --workers "${NUM_WORKERS:-$(nproc)}" "$@" > "$binary.tmp/output" 2>&1; then
    tail -n 20 "$binary.tmp/output" >&2
    rm -rf "$binary.tmp"
    fail "fairseq-preprocess failed; its last lines are above"
  fi
  rm -f "$binary.tmp/output"
  rm -rf "$binary"
  mv "$binary.tmp" "$binary"
  echo "$binary: $(wc -l < "$binary/dict.$source.txt") $source and $(wc -l < "$binary/dict.$target.txt") $target types"
}

# Translates with one SubTransformer and scores the result: the body of every test.sh.
#
#   translate_and_score BINARY_DIR GENERATE_FLAGS... -- CHECKPOINT SUB.yml [METRIC] [GPU] [SUBSET]
#
# Writes the log of generate.py to <folder of the checkpoint>/exp/. RAW_REFERENCE, if the caller
# sets it, holds a file pattern with %s for the subset: sacreBLEU then uses these untouched
# references where the file is there, instead of detokenised ones. SCORE_FLAGS (an array) goes
# to hat score.
translate_and_score() {
  local data="$1" flags=()
  shift
  while [ "$1" != "--" ]; do
    flags+=("$1")
    shift
  done
  shift
  if [ $# -lt 2 ] || [ $# -gt 5 ]; then
    usage_error "expected a checkpoint and a SubTransformer's YAML file"
  fi
  local checkpoint sub metric="${3:-normal}" gpu="${4:-0}" subset="${5:-test}" log
  checkpoint="$(user_path "$1")"
  sub="$(user_path "$2")"
  [ -f "$checkpoint" ] || usage_error "checkpoint not found: $1"
  [ -f "$sub" ] || usage_error "SubTransformer file not found: $2"
  case "$metric" in normal | sacre) ;; *) usage_error "the metric is normal or sacre, not $metric" ;; esac
  case "$subset" in valid | test) ;; *) usage_error "the subset is valid or test, not $subset" ;; esac
  case "$gpu" in cpu) flags+=(--cpu) ;; *[!0-9,]*) usage_error "the gpu is a number or cpu, not $gpu" ;; esac
  cd "$ROOT"
  [ -d "$data" ] || fail "$data is missing; make it with: bash $TASK/preprocess.sh"

  log="$(dirname "$checkpoint")/exp/$(basename "$sub")_${subset}_gen.out"
  mkdir -p "$(dirname "$log")"
  if ! CUDA_VISIBLE_DEVICES="${gpu#cpu}" "$PYTHON" generate.py \
    --configs="$sub" --sub-configs="$TASK/${COMMON:-subtransformer/common.yml}" \
    --data "$data" --path "$checkpoint" --gen-subset "$subset" \
    --batch-size 128 --remove-bpe "${flags[@]}" > "$log.tmp"; then
    tail -n 5 "$log.tmp" >&2
    rm -f "$log.tmp"
    fail "generate.py failed; its messages are above"
  fi
  mv "$log.tmp" "$log"
  local score=("$log" --metric "$metric" "${SCORE_FLAGS[@]}")
  if [ "$metric" = sacre ] && [ -n "${RAW_REFERENCE:-}" ]; then
    # shellcheck disable=SC2059
    local reference
    reference="$(printf "$RAW_REFERENCE" "$subset")"
    [ -f "$reference" ] && score+=(--reference "$reference")
  fi
  "$PYTHON" -m hat.cli score "${score[@]}"
}
