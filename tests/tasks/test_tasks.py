"""Tasks are named parts: one class, one line in the table."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hat.commands.prepare import main
from hat.errors import ConfigError
from hat.tasks import TASKS
from hat.tasks.corpus import Parallel
from hat.tasks.numbers import Numbers, NumbersSettings
from hat.tasks.prepare import Say, TextSettings, prepare_corpus
from hat.text.lines import read_lines


@dataclass(frozen=True, kw_only=True)
class ShoutSettings(TextSettings):
    marks: int = 1
    """exclamation marks"""


class Shout:
    Settings: ClassVar = ShoutSettings
    about: ClassVar = "words that are shouted"

    def __init__(self, settings: ShoutSettings) -> None:
        self.settings = settings

    @classmethod
    def build(cls, settings: ShoutSettings) -> "Shout":
        return cls(settings)

    def prepare(self, say: Say = print) -> dict[str, Any]:
        pairs = Parallel(("hey", "you"), ("HEY" + " !" * self.settings.marks, "YOU !"))
        return prepare_corpus(
            dict.fromkeys(("train", "valid", "test"), pairs),
            ("low", "loud"),
            self.settings.text_dir,
            tokenise=lambda lines, language: list(lines),
            num_merges=1,
        )

    def signature(self) -> dict[str, Any]:
        return {"task": "shout", "marks": self.settings.marks}


def test_a_new_task_is_one_class_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(TASKS._table, "shout", f"{__name__}:Shout")
    main(["shout", "--text-dir", str(tmp_path), "--marks", "2"])
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["signature"].startswith("task:shout|marks:2|hat:")
    assert read_lines(tmp_path / "raw" / "test.loud") == ["HEY ! !", "YOU !"]
    with pytest.raises(SystemExit):
        main(["--help-all"])
    assert "shout" in capsys.readouterr().out


@pytest.mark.parametrize("name", TASKS.names())
def test_every_task_keeps_the_contract(name: str) -> None:
    part = TASKS.load(name)
    assert part.about and issubclass(part.Settings, TextSettings)
    assert all(callable(getattr(part, method)) for method in ("build", "prepare", "signature"))


def test_from_python_bounds_hold_as_well(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="test must be at least 1, but found 0"):
        NumbersSettings(text_dir=tmp_path, source_lang="en", target_lang="de", test=0)
    settings = NumbersSettings(
        text_dir=tmp_path, source_lang="en", target_lang="de", train=30, valid=2, test=2, merges=4
    )
    task = Numbers.build(settings)
    assert task.prepare()["words"]["train"]["sentences"] == 30
    assert task.signature() == {"task": "numbers.en-de.12digits", "bpe": 4, "seed": 1}
