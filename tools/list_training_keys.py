"""Write ``hat/cli/training_keys.py``: the names of fairseq's training options.

Stages that need no fairseq read HAT's YAML files too. They must tell a training key, which is not
their business, from a typo, and importing fairseq for that would take seconds.

    python tools/list_training_keys.py
"""

import textwrap
from pathlib import Path

from fairseq import options

from hat.cli.options import actions_by_key
from hat.fairseq_plugin.arguments import _require_nothing, training_parser

SCHEDULES = ("cosine", "inverse_sqrt", "polynomial_decay", "fixed")


def training_keys() -> list[str]:
    """Returns the sorted keys of the training parser with any of the usual schedules."""
    keys: set[str] = {"max-lr"}
    for schedule in SCHEDULES:
        parser = training_parser()
        flags = ["--arch", "transformersuper", "--optimizer", "adam", "--lr-scheduler", schedule]
        flags += ["--criterion", "label_smoothed_cross_entropy"]
        options.parse_args_and_arch(parser, flags, True, modify_parser=_require_nothing)
        keys |= set(actions_by_key(parser))
    return sorted(keys)


def main() -> None:
    """Writes the file."""
    words = textwrap.wrap(" ".join(training_keys()), 95, break_on_hyphens=False)
    text = "\n".join(f"    {line}" for line in words)
    Path("hat/cli/training_keys.py").write_text(
        '"""Names of the options that training knows; ``tools/list_training_keys.py`` writes them.'
        '"""\n\n'
        f'_NAMES = """\n{text}\n"""\n\n'
        "TRAINING_KEYS = frozenset(_NAMES.split())\n"
        '"""Keys of YAML files that stages other than training may meet and leave alone."""\n'
    )


if __name__ == "__main__":
    main()
