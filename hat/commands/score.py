"""``hat score``: BLEU, chrF and exact match of translations.

hat score gen.out --metric sacre --target-lang de      a log of generate.py
hat score --sys hypotheses.txt --ref references.txt    two files, line by line
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from hat.cli.console import command, print_result
from hat.errors import ConfigError, DataError
from hat.tasks.bpe import SEPARATOR, remove_bpe
from hat.text.generation_log import read_generation_logs
from hat.text.lines import Changes, read_text
from hat.text.moses import detokenise
from hat.text.scores import METRICS, score_translations


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; the last line printed is one line of JSON."""
    options = _parser().parse_args(argv)
    changes = Changes()
    hypotheses, references = _read(options, changes)
    if len(hypotheses) != len(references):
        raise DataError(
            f"{_sources(options)}: {len(hypotheses)} translations, but {len(references)} references"
        )
    score = score_translations(hypotheses, references, metric=options.metric)
    print(f"{score.sentences} sentences")
    if changes.changed:
        print(changes)
    print(f"{score.bleu_details} ({options.metric})")
    print(f"chrF {score.chrf:.2f}, exact match {100 * score.exact_match:.1f} %")
    print(f"signature {score.signature}")
    result = asdict(score)
    del result["bleu_details"]
    for name, digits in (("bleu", 2), ("chrf", 2), ("exact_match", 4)):
        result[name] = round(result[name], digits)
    print_result(result)


def _read(options: argparse.Namespace, changes: Changes) -> tuple[list[str], list[str]]:
    """Returns translations and references in the form that the metric wants."""
    if options.logs and options.sys:
        raise ConfigError("give logs of generate.py or --sys, not both")
    if options.sys:
        if not options.ref:
            raise ConfigError("--sys needs --ref with the references")
        hypotheses = read_text(options.sys, changes)
        references = read_text(options.ref, changes)
        if options.remove_bpe:
            hypotheses = [remove_bpe(line, options.remove_bpe) for line in hypotheses]
            references = [remove_bpe(line, options.remove_bpe) for line in references]
        return hypotheses, references
    if not options.logs:
        raise ConfigError("nothing to score: give a log of generate.py, or --sys and --ref")
    log = read_generation_logs(options.logs)
    if not options.ref and not log.references:
        raise DataError(f"{_sources(options)}: no references in the log; give them with --ref")
    hypotheses = _plain_words(log.hypotheses, options)
    if options.ref:
        return hypotheses, read_text(options.ref, changes)
    return hypotheses, _plain_words(log.references, options)


def _plain_words(lines: Sequence[str], options: argparse.Namespace) -> list[str]:
    if options.remove_bpe:
        lines = [remove_bpe(line, options.remove_bpe) for line in lines]
    if options.metric == "sacre":
        lines = detokenise(lines, options.target_lang)
    return list(lines)


def _sources(options: argparse.Namespace) -> str:
    paths = options.logs or [options.sys]
    return ", ".join(str(path) for path in paths)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hat score",
        description="Scores translations: BLEU, chrF and exact match.",
        epilog="A log holds tokens; 'sacre' detokenises them. Files are scored as they stand: "
        "with 'sacre', --sys and --ref hold plain text, with 'normal' tokenised text.",
        allow_abbrev=False,
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
        help="normal: tokenised BLEU with split compounds (default); sacre: sacreBLEU",
    )
    parser.add_argument(
        "--remove-bpe",
        nargs="?",
        const=f"{SEPARATOR} ",
        metavar="SYMBOL",
        help="join BPE units first, if generate.py did not; '@@ ' by default",
    )
    parser.add_argument(
        "--target-lang", default="en", metavar="LANG", help="language of the translations"
    )
    return parser
