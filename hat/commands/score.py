"""``hat score``: BLEU, chrF and exact match of translations.

    hat score gen.out --metric sacre --target-lang de      a log of generate.py
    hat score --sys hypotheses.txt --ref references.txt    two files, line by line

A log holds tokens; ``sacre`` detokenises them. Files are scored as they stand: with ``sacre``,
--sys and --ref hold plain text, with ``normal`` tokenised text.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from hat.cli.console import command, print_result, stop_if_checking
from hat.cli.flags import read_flags
from hat.cli.help import Parser
from hat.tasks.bpe import SEPARATOR
from hat.tasks.translations import ScoreSettings, score_files
from hat.text.scores import METRICS


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; the last line printed is one line of JSON."""
    settings = read_flags(_parser().parse_args(argv), ScoreSettings)
    stop_if_checking()
    score, changes, why = score_files(settings)
    print(f"{score.sentences} sentences")
    if changes.changed:
        print(changes)
    print(f"{score.bleu_details} ({settings.metric})")
    print(f"chrF {score.chrf:.2f}, exact match {100 * score.exact_match:.1f} %")
    if why is not None:
        print(f"BLEU is next to nothing: {why}")
    print(f"signature {score.signature}")
    result = asdict(score)
    del result["bleu_details"]
    for name, digits in (("bleu", 2), ("chrf", 2), ("exact_match", 4)):
        result[name] = round(result[name], digits)
    print_result(result)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="hat score",
        description=__doc__,
    )
    parser.add_argument(
        "logs",
        nargs="*",
        type=Path,
        metavar="LOG",
        help="output of generate.py or fairseq-generate; several logs are shards of one corpus",
    )
    parser.add_argument("--sys", type=Path, metavar="FILE", help="translations, one per line")
    parser.add_argument(
        "--ref",
        "--reference",
        type=Path,
        metavar="FILE",
        help="references, one per line, in place of those in the log",
    )
    parser.add_argument(
        "--metric",
        choices=METRICS,
        default="normal",
        help="normal: tokenised BLEU with split compounds; sacre: sacreBLEU",
    )
    parser.add_argument(
        "--remove-bpe",
        nargs="?",
        const=f"{SEPARATOR} ",
        metavar="SYMBOL",
        help="join units first, if generate.py did not; '@@ ' by default, or sentencepiece",
    )
    parser.add_argument(
        "--target-lang", default="en", metavar="LANG", help="language of the translations"
    )
    parser.add_argument(
        "--detokenised",
        action="store_true",
        help="a log holds text, not tokens, once units are joined: that of SentencePiece's pieces",
    )
    return parser
