"""Every number that fairseq takes has a range here, or stands among those that need none."""

import argparse

import pytest

pytest.importorskip("fairseq")

from fairseq import options
from fairseq.dataclass.configs import EMAConfig

from hat.arch.model_options import MODEL_OPTIONS
from hat.cli.options import NumbersOnly, actions_by_key
from hat.fairseq_options.accepted import ACCEPTED, EVALUATED, REFUSED, restricted
from hat.fairseq_options.bounds import BOUNDS, FREE, OF_AVERAGE
from hat.fairseq_plugin.arguments import generation_parser, training_parser
from hat.fairseq_plugin.recipe import recipe_keys


def numbers() -> set[str]:
    """All options of fairseq's that take a number, whatever optimizer and schedule are chosen."""
    found: set[str] = set()

    def collect(parser: argparse.ArgumentParser) -> None:
        for key, action in actions_by_key(restricted(parser)).items():
            is_number = action.type in (int, float) or isinstance(action.type, NumbersOnly)
            if is_number or key in EVALUATED:
                found.add(action.dest.replace("_", "-"))

    base = ["data", "--arch", "transformersuper"]
    for kind in ("optimizer", "lr-scheduler", "criterion"):
        for name in ACCEPTED[kind]:
            options.parse_args_and_arch(
                training_parser(), [*base, f"--{kind}", name], modify_parser=collect
            )
    options.parse_args_and_arch(generation_parser(), ["data"], modify_parser=collect)
    # of networks, spaces and recipes the typed settings of hat say the ranges
    others = {option.name for option in MODEL_OPTIONS} | recipe_keys() | set(REFUSED)
    return found - (others - set(BOUNDS))


def test_no_number_of_fairseq_s_is_forgotten() -> None:
    known = set(BOUNDS) | FREE
    assert numbers() - known == set()


def test_no_name_is_misspelt() -> None:
    found = numbers()
    assert (set(BOUNDS) | FREE) - found == set()


def test_the_defaults_of_the_average_are_fairseqs() -> None:
    theirs = {key.replace("_", "-"): value for key, value in vars(EMAConfig()).items()}
    assert {**theirs, "validate-ema": False} == {"-name": None, "store-ema": False, **OF_AVERAGE}
