# Translates with one SubTransformer and scores the result: the body of every task's test.sh.
# Source it with the arguments CHECKPOINT SUB.yml [METRIC] [GPU] [SUBSET], do not run it.
# Beam, length penalty and references are those of the task's pipeline.yml. COMMON in the
# environment names another file of SubTransformer settings, from the task's folder. The
# translations go to <folder of the checkpoint>/exp/.

source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if [ $# -lt 2 ] || [ $# -gt 5 ]; then
  usage_error "expected a checkpoint and a SubTransformer's YAML file"
fi
checkpoint="$(user_path "$1")"
sub="$(user_path "$2")"
metric="${3:-normal}"
gpu="${4:-0}"
subset="${5:-test}"
device=gpu
[ -f "$checkpoint" ] || usage_error "checkpoint not found: $1"
[ -f "$sub" ] || usage_error "SubTransformer file not found: $2"
case "$metric" in normal | sacre) ;; *) usage_error "the metric is normal or sacre, not $metric" ;; esac
case "$subset" in valid | test) ;; *) usage_error "the subset is valid or test, not $subset" ;; esac
[ "$gpu" != gpu ] || gpu=0
case "$gpu" in cpu) device=cpu ;; *[!0-9,]*) usage_error "the gpu is a number or cpu, not $gpu" ;; esac

cd "$ROOT"
CUDA_VISIBLE_DEVICES="${gpu#cpu}" exec "$PYTHON" -m hat.cli pipeline "$TASK/pipeline.yml" \
  --test "$checkpoint" --architecture "$sub" --metric "$metric" --subset "$subset" \
  --device "$device" ${COMMON:+--subtransformer "$TASK/$COMMON"}
