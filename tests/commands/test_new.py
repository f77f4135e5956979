"""``hat new``: from a corpus to a folder that ``hat pipeline`` runs as it is."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hat.arch.hat_yaml import space_from_entries
from hat.cli.options import read_config_files, read_yaml
from hat.commands.new import main
from hat.commands.prepare import main as prepare
from hat.own_corpus import folder as own_folder
from hat.own_corpus.cleaning import sentence_key
from hat.pipeline.run import Pipeline
from hat.tasks.own_corpus import RULES, UNITS_FILES
from hat.text.lines import read_lines
from hat.validation.files import validate
from tests.commands.conftest import last_line

STAGES = ("supertransformer", "latency-dataset", "latency-predictor", "evo-search")


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """900 pairs of made-up sentences, a few of them unusable, in a folder with a blank."""
    monkeypatch.setattr(own_folder, "rate", lambda device: 100.0)
    rng = np.random.default_rng(0)
    nouns = [("dog", "chien"), ("cat", "chat"), ("horse", "cheval"), ("boat", "bateau")]
    folder = tmp_path / "my texts"
    folder.mkdir()
    english, french = [], []
    for number in range(900):
        (noun, nom), (other, autre) = (nouns[i] for i in rng.integers(4, size=2))
        english.append(f"The {noun} that is with the {other} has the number {number}.")
        french.append(f"Le {nom} qui est avec le {autre} a le numéro {number}.")
    english[10], french[20], english[31], french[31] = "", "", english[30], french[30]
    paths = (folder / "corpus.en", folder / "corpus.fr.gz")
    paths[0].write_text("\n".join(english) + "\n", encoding="utf-8")
    paths[1].write_bytes(gzip.compress(("\n".join(french) + "\n").encode()))
    return paths


def run(folder: Path, corpus: tuple[Path, ...], *more: str) -> None:
    files = ("--train", *map(str, corpus))
    main([str(folder), *files, "--source", "en", "--target", "fr", "--device", "cpu", *more])


def test_a_folder_runs_as_it_is_and_says_everything_once(
    corpus: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my task"
    run(folder, corpus)
    out = capsys.readouterr().out
    assert "2  a side is empty (line 11:  | Le " in out
    assert "1  the pair stood before (line 32: The " in out
    result = last_line(out)
    assert result["pairs"] == {"train": 797, "valid": 50, "test": 50}
    assert result["dropped"] == {"a side is empty": 2, "the pair stood before": 1}
    assert f"hat pipeline '{folder}/pipeline.yml'" in out
    texts = {split: read_lines(folder / f"text/raw/{split}.en") for split in result["pairs"]}
    keys = [set(map(sentence_key, lines)) for lines in texts.values()]
    assert len(set.union(*keys)) == sum(map(len, keys))
    dropped = read_lines(folder / "dropped.tsv")
    assert len(dropped) == 1 + 3 and dropped[1].split("\t")[:2] == ["11", "a side is empty"]

    files = {path.name: read_yaml(path) for path in folder.glob("*.yml")}
    stated = [key for name, entries in files.items() for key in entries if name != "pipeline.yml"]
    # Seeds are each stage's own, and a SubTransformer is trained less long than all together.
    repeated = {"seed", "max-update", "warmup-updates"}
    assert {key for key in stated if stated.count(key) > 1} == repeated
    for name in files:
        assert all(line.startswith("#") for line in read_lines(folder / name)[:1]), name

    pipeline = Pipeline(folder / "pipeline.yml")
    steps = pipeline.steps()
    pipeline.check(steps)  # raises nothing: every setting of every step is right
    assert [step.name for step in steps][-1] == "export" and len(steps) == 17
    stages = {key: files["pipeline.yml"][key].texts() for key in STAGES}
    entries = read_config_files(str(folder / name) for name in stages["supertransformer"])
    space = space_from_entries(entries, "all")
    assert space.encoder_embed_dims[0] == int(entries["encoder-embed-dim"].text())
    assert space.decoder_layer_nums[0] == int(entries["decoder-layers"].text())


@pytest.mark.parametrize("tokeniser", list(RULES))
def test_text_becomes_binary_data_from_any_folder(
    tokeniser: str, corpus: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "task", corpus, "--tokeniser", tokeniser)
    pipeline = Pipeline(tmp_path / "task" / "pipeline.yml")
    # What hat export is told is where hat prepare put it.
    (export,) = pipeline.steps(only=["export"])
    units = f"text/{UNITS_FILES[tokeniser]}"
    assert units in export.command
    monkeypatch.chdir(tmp_path / "task")
    prepare(["corpus", "--configs=network.yml", "--configs=text.yml"])
    assert Path(units).is_file()
    assert Path("data/task.en-fr/train.en-fr.fr.idx").is_file()
    with pytest.raises(SystemExit):
        prepare(["corpus", "--configs=network.yml", "--configs=text.yml", "--tokeniser", "mosse"])


def test_swapped_languages_and_full_folders_are_refused(
    corpus: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for more, message in (
        ((corpus[1], corpus[0]), "the source side reads like fr and the target side like en"),
        ((corpus[0],), "corpus.en:1: expected source<tab>target, but found no tab"),
        ((*corpus, corpus[0]), "--train takes a source and a target file, or one file with tabs"),
        ((corpus[0], tmp_path / "no.fr"), "no.fr: cannot be read: No such file or directory"),
    ):
        with pytest.raises(SystemExit) as end:
            run(tmp_path / "task", more)
        error = capsys.readouterr().err
        assert end.value.code == 2 and message in error and error.count("\n") == 1
        assert not (tmp_path / "task").exists()
    run(tmp_path / "task", (corpus[1], corpus[0]), "--languages-as-given")
    before = sorted(tmp_path.rglob("*"))
    for folder in (tmp_path / "task", corpus[0]):
        with pytest.raises(SystemExit):
            run(folder, corpus)
        assert "is there already and not empty, so nothing is written" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("folder", "task"),
    [
        ("- a: {hardware}", "a-hardware.en-fr"),
        ("o\nut", "o-ut.en-fr"),
        ("a:b # c", "a-b-c.en-fr"),
        ("no", "no.en-fr"),
        ("...", "task.en-fr"),
        ("\u00e4 'x\" *", "\u00e4-x.en-fr"),
    ],
)
def test_whatever_the_folder_is_called_its_files_are_right_seen_from_outside(
    folder: str, task: str, corpus: tuple[Path, Path], tmp_path: Path
) -> None:
    """Paths of a pipeline with a base hold from there, not from where it is validated."""
    out = str(tmp_path / folder)
    main([out, "--train", *map(str, corpus), "--source=en", "--target=fr", "--device=cpu"])
    for checked in validate([Path(out) / "pipeline.yml"]):
        assert checked.errors == (), checked
    assert Pipeline(Path(out) / "pipeline.yml").settings.task == task


def test_each_file_is_valid_and_known_for_what_it_is(
    corpus: tuple[Path, Path], tmp_path: Path
) -> None:
    run(tmp_path / "task", corpus)
    files = sorted((tmp_path / "task").glob("*.yml"))
    alone = {path.name: checked for path in files for checked in validate([path])[:1]}
    assert all(checked.errors == () for checked in alone.values()), alone
    assert alone["text.yml"].kind == "prepare" and alone["network.yml"].kind == "train"
    pipeline = tmp_path / "task" / "pipeline.yml"
    assert {Path(checked.path).name for checked in validate([pipeline])} == set(alone)
    text = (tmp_path / "task" / "text.yml").read_text()
    wrong = text.replace("tokeniser: s", "tokeniser: z").replace("vocabulary: ", "vocabulary: -")
    (tmp_path / "task" / "text.yml").write_text(wrong)
    (checked,) = (each for each in validate([pipeline]) if each.errors)
    assert Path(checked.path).name == "text.yml" and len(checked.errors) == 2


def test_given_sets_stay_as_they_are(corpus: tuple[Path, Path], tmp_path: Path) -> None:
    test = tmp_path / "test.tsv"
    test.write_text("The dog that is here.\tLe chien qui est ici.\nThe cat.\tLe chat.\n")
    run(tmp_path / "task", corpus, "--test", str(test), "--pairs", "700", "--seed", "2")
    assert read_lines(tmp_path / "task/text/raw/test.fr") == ["Le chien qui est ici.", "Le chat."]


def test_what_was_dropped_of_pairs_that_were_drawn_has_the_lines_of_the_corpus(
    corpus: tuple[Path, Path], tmp_path: Path
) -> None:
    english, french = (read_lines(path) for path in corpus)
    test = tmp_path / "test.tsv"
    last = zip(english[800:], french[800:], strict=True)
    test.write_text("".join(f"{one}\t{other}\n" for one, other in last), encoding="utf-8")
    run(tmp_path / "task", corpus, "--pairs", "800", "--test", str(test))
    rows = [row.split("\t") for row in read_lines(tmp_path / "task/dropped.tsv")[1:]]
    assert len(rows) > 70 and int(rows[-1][0]) > 880
    for line, _, source, target in rows:
        assert (english[int(line) - 1], french[int(line) - 1]) == (source, target)


def test_sets_that_are_given_are_looked_at_as_the_corpus_is(
    corpus: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Swapped languages in any of them, and sentences that two of them have in common."""
    held_out = {"en": tmp_path / "held.en", "fr": tmp_path / "held.fr"}
    for (language, path), text in zip(held_out.items(), map(read_lines, corpus), strict=True):
        path.write_text("\n".join(text[100:200]) + "\n", encoding="utf-8")
        (tmp_path / f"other.{language}").write_text("\n".join(text[199:300]) + "\n")
    right = (str(held_out["en"]), str(held_out["fr"]))
    for name in ("--valid", "--test"):
        with pytest.raises(SystemExit):
            run(tmp_path / "task", corpus, name, *right[::-1])
        assert "held.fr: the source side reads like fr" in capsys.readouterr().err
        assert not (tmp_path / "task").exists()
    others = (str(tmp_path / "other.en"), str(tmp_path / "other.fr"))
    for name, test, shared in (("one", right, "100 source sentences"), ("two", others, "1 source")):
        run(tmp_path / name, corpus, "--valid", *right, "--test", *test)
        out = capsys.readouterr().out
        assert f"--valid and --test have {shared}" in out and "in two of them" not in out
        assert "in common" in last_line(out)["warnings"][0]
    run(tmp_path / "task", corpus, "--valid", *right)
    assert "no source sentence is in two of them" in capsys.readouterr().out


def hat(*words: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hat.cli", *words], cwd=cwd, capture_output=True, text=True
    )
    # 3: all ran, and on a busy machine the winner was measured above its limit.
    assert done.returncode in (0, 3), done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_the_page_on_own_corpora_word_for_word(shared_data: Path, tmp_path: Path) -> None:
    """With fewer pairs, updates and measurements than the page: they are edited, as it says."""
    root = Path(__file__).resolve().parents[2]
    page = (root / "docs" / "own-corpus.md").read_text(encoding="utf-8")
    commands = [
        line.removeprefix("hat ").split()
        for block in page.split("```bash\n")[1:]
        for line in block.split("```")[0].splitlines()
        if line.startswith("hat ")
    ]
    assert [words[0] for words in commands[:3]] == ["new", "pipeline", "pipeline"]
    corpus = shared_data / "tatoeba.en-fr" / "fra.txt.gz"
    new = [str(corpus) if word == "fra.txt.gz" else word for word in commands[0]]
    hat(*new, "--pairs", "3000", cwd=tmp_path)
    folder = tmp_path / new[1]
    for name, changes in {
        "supertransformer.yml": {"max-update": "150"},
        "subtransformer.yml": {"max-update": "100"},
        "latency.yml": {"lat-dataset-size": "30", "lat-patience": "1"},
        "search.yml": {
            "population-size": "12",
            **dict.fromkeys(("parent-size", "mutation-size", "crossover-size"), "4"),
            "evo-iter": "2",
        },
    }.items():
        lines = (folder / name).read_text().splitlines()
        new_lines = [
            f"{key}: {changes[key]}" if (key := line.partition(":")[0]) in changes else line
            for line in lines
        ]
        (folder / name).write_text("\n".join(new_lines) + "\n")
    for words in commands[1:3]:
        out = hat(*words, cwd=tmp_path)
    assert json.loads(out.splitlines()[-1])["report"]
    translated = subprocess.run(
        [sys.executable, "-m", "hat.cli", "translate", str(folder / "model")],
        input="I am here.\n\nWhere is Tom?\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(translated.stdout.splitlines()) == 3
