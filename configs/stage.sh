# Runs the stage that the calling script is named after, as a step of its task's pipeline.yml.
# Source it with the script's arguments, do not run it:
#
#   [HARDWARE [FLAGS]]   HARDWARE only where the stage's file in pipeline.yml depends on it
#   [SUB.yml [FLAGS]]    after it, in train_subtransformer.sh

source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

step="$(basename "$SCRIPT" .sh)"
step="${step//_/-}"
options=("$TASK/pipeline.yml" --only "$step")

file="$(sed -n "s/^${step#train-}: *//p" "$ROOT/$TASK/pipeline.yml")"
if [[ "$file" = *"{hardware"* ]] && [ $# -gt 0 ]; then
  file="${file//"{hardware}"/$1}"
  file="${file//"{hardware-name}"/${1#*_}}"
  [ -f "$ROOT/$file" ] || usage_error "there is no $file"
  options+=(--hardware "$1")
  shift
fi
if [ "$step" = train-subtransformer ] && [ $# -gt 0 ]; then
  sub="$(user_path "$1")"
  [ -f "$sub" ] || usage_error "SubTransformer file not found: $1"
  options+=(--architecture "$sub")
  shift
fi

cd "$ROOT"
exec "$PYTHON" -m hat.cli pipeline "${options[@]}" -- "$@"
