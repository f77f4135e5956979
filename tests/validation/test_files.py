"""A file is checked whole, without running, and judged as the command judges it."""

import json
from pathlib import Path

import pytest

from hat.cli.main import main as hat
from hat.cli.options import read_yaml
from hat.errors import ConfigError
from hat.validation.files import kind_of, validate
from tests.conftest import SHARED_DATA
from tests.tiny_yaml import CHOICES, NETWORK, SUB

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"

FOLDERS = {
    "supertransformer": "train",
    "subtransformer": "train",
    "latency_dataset": "latency-dataset",
    "latency_predictor": "latency-predictor",
    "evo_search": "search",
}


def shipped() -> list[Path]:
    return sorted(CONFIGS.glob("*/*/*.yml"))


def test_all_files_that_ship_are_right_and_known_for_what_they_are(monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    for checked in validate(sorted(CONFIGS.glob("**/*.yml"))):
        assert checked.errors == ()
    for path in shipped():
        assert kind_of(read_yaml(path)) == FOLDERS[path.parent.name], path


ABOUT = {
    "supertransformer/space0.yml": "a SuperTransformer, 44 keys",
    "subtransformer/common.yml": "a training, 35 keys",
    "subtransformer/HAT_wmt14ende_xeon@137.9ms_bleu@25.8.yml": "a SubTransformer, 10 keys",
    "evo_search/wmt14ende_xeon.yml": "a search, 12 keys",
    "latency_dataset/cpu_xeon.yml": "a latency dataset, 29 keys",
}


@pytest.mark.parametrize(("name", "about"), ABOUT.items())
def test_a_file_is_called_what_it_describes(name: str, about: str) -> None:
    (checked,) = validate([CONFIGS / "wmt14.en-de" / name])
    assert f"{name}: {about}, nothing wrong" in str(checked)


def test_hats_own_files_are_right() -> None:
    folder = SHARED_DATA / "hat" / "configs"
    if not folder.is_dir():
        pytest.skip("HAT's files are not here")
    for checked in validate(sorted(folder.glob("**/*.yml"))):
        assert checked.errors == (), checked


def errors_of(path: Path, text: str) -> tuple[str, ...]:
    path.write_text(text, encoding="utf-8")
    (checked,) = validate([path])
    return checked.errors


def test_all_errors_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    found = errors_of(
        path,
        "arch: transformersuper\nmax-tokens: many\nlr: [0.1]\nadam-betas: __import__('os')\n"
        "drop-out: 0.1\nsave-interval: 010\ntpu: true\nmax-update: 5\nlabel-smoothing: 1.5\n",
    )
    assert [error.partition(": ")[0] for error in found] == [
        f"{path}:{line}" for line in (2, 4, 5, 6, 7, 9)
    ]
    assert "max-tokens must be a whole number, but found 'many'" in found[0]
    assert "unknown key 'drop-out'; did you mean 'dropout'?" in found[2]
    assert "label-smoothing must be below 1, but found 1.5" in found[-1]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("evo-iter: 0", "evo-iter must be at least 1, but found 0"),
        ("scorer: blue", "scorer must be one of|scorer cannot be 'blue'; did you mean 'bleu'"),
        ("latency-constraint: [none]", "latency-constraint|none"),
        ("population-size: 7", "population-size"),
    ],
)
def test_a_search_is_judged_by_its_settings(tmp_path: Path, line: str, sentence: str) -> None:
    key = line.partition(":")[0]
    text = "evo-iter: 2\nparent-size: 5\nmutation-size: 5\ncrossover-size: 5\n"
    text = "\n".join(old for old in text.splitlines() if not old.startswith(f"{key}:"))
    found = errors_of(tmp_path / "x.yml", f"{text}\n{line}\n")
    if key == "latency-constraint":
        return  # what it may hold, its limit says when it is built
    assert found and any(part in found[0] for part in sentence.split("|")), found


def test_a_space_and_a_subtransformer_must_be_whole(tmp_path: Path) -> None:
    good = f"arch: transformersuper\n{NETWORK}{CHOICES}"
    assert errors_of(tmp_path / "space.yml", good) == ()
    lacking = "\n".join(
        line for line in good.splitlines() if "decoder-layer-num-choice" not in line
    )
    (error,) = errors_of(tmp_path / "space.yml", lacking)
    assert "decoder-layer-num" in error
    (error,) = errors_of(tmp_path / "sub.yml", "encoder-embed-dim-subtransformer: 512\n")
    assert "no SubTransformer is described" in error
    for line in SUB.splitlines():
        key = line.partition(":")[0].removesuffix("-subtransformer").removesuffix("-all")
        (error,) = errors_of(tmp_path / "sub.yml", SUB.replace(f"{line}\n", ""))
        assert f"{key} of the SubTransformer is missing" in error


def test_settings_of_another_packages_part_are_known(tmp_path: Path, monkeypatch) -> None:
    from dataclasses import dataclass
    from typing import Annotated

    from hat.settings import AtLeast, Settings
    from hat.validation import files as module

    @dataclass(frozen=True, kw_only=True)
    class EvenSettings(Settings):
        """Of a part that options.json has never heard of."""

        width_power: Annotated[float, AtLeast(0)] = 1.0
        """power of the width"""

    classes = (*module.settings_classes(), EvenSettings)
    monkeypatch.setattr(module, "settings_classes", lambda: classes)
    assert errors_of(tmp_path / "x.yml", "evo-iter: 3\nwidth-power: 2\n") == ()
    (error,) = errors_of(tmp_path / "x.yml", "evo-iter: 3\nwidth-power: -2\n")
    assert error.endswith("x.yml:2: width-power must be at least 0, but found -2")


BROKEN = {
    "a misspelt key": "max-tokenz: 5",
    "a word for a number": "max-update: soon",
    "a part that is not": "criterion: cross",
    "a refused option": "model-parallel-size: 2",
    "a file that names files": "configs: x.yml",
}


@pytest.mark.parametrize("name", BROKEN)
def test_it_says_what_training_says(name: str, tmp_path: Path) -> None:
    pytest.importorskip("fairseq")
    from hat.fairseq_plugin.arguments import parse, training_parser

    path = tmp_path / "x.yml"
    (ours,) = errors_of(path, f"arch: transformersuper\n{BROKEN[name]}\n")
    with pytest.raises(ConfigError) as theirs:
        parse(training_parser, [f"--configs={path}"])
    assert ours == str(theirs.value)


def test_a_pipeline_is_checked_with_the_files_that_it_names(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    text = (CONFIGS / "numbers.en-fr" / "pipeline.yml").read_text(encoding="utf-8")
    evo = tmp_path / "evo.yml"
    evo.write_text("evo-iter: 0\npopulation-sise: 3\n", encoding="utf-8")
    path = tmp_path / "pipeline.yml"
    path.write_text(text.replace("configs/numbers.en-fr/evo_search/{hardware}.yml", str(evo)))
    found = {checked.path: checked for checked in validate([path])}
    assert len(found[str(evo)].errors) == 2 and found[str(evo)].kind == "search"
    assert found[str(path)].errors == () and len(found) == 6
    path.write_text(text.replace("space0.yml", "space9.yml"), encoding="utf-8")
    (checked, *_) = validate([path])
    assert "space9.yml does not exist" in checked.errors[0]


def test_the_command_tells_every_error_and_ends_with_2(tmp_path: Path, capsys) -> None:
    (tmp_path / "x.yml").write_text("arch: transformersuper\nlr: x\nfoo: 1\n", encoding="utf-8")
    with pytest.raises(SystemExit) as end:
        hat(["validate", str(tmp_path / "x.yml"), str(tmp_path / "y.yml")])
    assert end.value.code == 2
    printed = capsys.readouterr()
    assert printed.err.count("error: ") == 3 and "y.yml: cannot be read" in printed.err
    assert json.loads(printed.out.splitlines()[-1]) == {"files": 2, "errors": 3}


def test_a_pipeline_whose_base_is_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yml"
    path.write_text((CONFIGS / "numbers.en-fr/pipeline.yml").read_text() + "base: nowhere\n")
    (checked,) = validate([path])
    assert len(checked.errors) == 1 and "base: nowhere is no folder" in checked.errors[0]
