"""Wrong words on the command line: no file is at fault."""

from pathlib import Path

from tests.faults.fault import Fault, as_tests, refused

FAULTS = [
    Fault("unknown-command", "trian --configs=space.yml", ("trian", "did you mean 'train'")),
    Fault(
        "no-such-configuration",
        "train --configs=spaec.yml",
        ("spaec.yml", "No such file"),
        real=True,
    ),
]


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, good: Path, tmp_path: Path) -> None:
    refused(fault, good, tmp_path)
