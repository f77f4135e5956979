"""An exported folder is the small model with all that its translations need, and nothing else."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import hat
from hat.arch.hat_yaml import arch_to_mapping, load_arch, write_arch
from hat.arch.space import SearchSpace
from hat.commands.export import main
from hat.conditions import mapping_digest
from hat.errors import CheckpointError, ConfigError, HatError
from hat.export.folder import (
    CARD_FILE,
    EXPORT_FILE,
    VERSION,
    ExportSettings,
    export,
    open_export,
)
from hat.export.formats import FORMATS
from hat.export.parity import largest_difference, parity_pairs
from hat.export.trained import TaskSettings, Trained, read_trained
from hat.models.checkpoint import load_checkpoint, read_checkpoint
from hat.tasks.text_rules import TextRules
from tests.export.conftest import KINDS, Task, make_task, trained_as, write_checkpoint


def trained(checkpoint: Path, sub_yml: Path | None, made: Task, **more: Any) -> Trained:
    settings = TaskSettings(**{"data": made.data, "bpe_codes": made.codes, **more})
    return read_trained(checkpoint, sub_yml, settings)


def written(what: Trained, folder: Path, name: str = "safetensors", **more: Any) -> Any:
    part = FORMATS.load(name)
    return export(what, folder, ExportSettings(format=name, **more), part.build(part.Settings()))


OVERHEAD = {"onnx": 90_000, "ctranslate2": 120_000}
"""Bytes that a file may have besides weights: graphs; positions; heads that are zero."""


@pytest.mark.parametrize("name", FORMATS.names())
@pytest.mark.parametrize("kind", KINDS)
def test_every_format_translates_as_the_checkpoint_does(
    tmp_path: Path, task: Task, joint_task: Task, tiny_space: SearchSpace, name: str, kind: str
) -> None:
    if KINDS[kind].get("share_all_embeddings"):
        task = joint_task
    checkpoint = write_checkpoint(tmp_path / "c.pt", task, **KINDS[kind])
    rng = np.random.default_rng(len(kind))
    arch = tiny_space.sample(rng)
    if name == "ctranslate2":  # which cannot do more
        spans = (1,) * arch.decoder.num_layers
        arch = replace(arch, decoder=replace(arch.decoder, ende_spans=spans))
    write_arch(tmp_path / "sub.yml", arch)
    what = trained(checkpoint, tmp_path / "sub.yml", task)
    done = written(what, tmp_path / "out", name)
    assert done.parity < 2e-5
    assert done.parity_on == "32 sentences of random words"
    lines = task.lines("raw", "en")
    exported = hat.Translator(tmp_path / "out").nbest(lines)
    settings = TaskSettings(data=task.data, bpe_codes=task.codes)
    direct = hat.Translator(checkpoint, tmp_path / "sub.yml", task=settings).nbest(lines)
    for ours, theirs in zip(exported, direct, strict=True):
        if name == "ctranslate2":  # whose search has other rules: tests/engines
            assert len(ours) == 1 and ours[0].text
            continue
        assert [each.text for each in ours] == [each.text for each in theirs]
        assert [e.score for e in ours] == pytest.approx([e.score for e in theirs], abs=1e-5)
    # the small model only
    held = what.model.num_params(what.model.arch, include_embeddings=True)
    assert done.params == held
    assert 4 * held <= done.model_bytes < 4 * held + OVERHEAD.get(name, 40_000)


def test_the_parity_figure_finds_a_wrong_weight(
    tmp_path: Path, task: Task, checkpoint: Path, sub_yml: Path
) -> None:
    what = trained(checkpoint, sub_yml, task)
    written(what, tmp_path / "out", "torch")
    weights = torch.load(tmp_path / "out" / "model.pt", weights_only=True)
    weights["decoder.layers.0.fc2.bias"][0] += 0.5
    torch.save(weights, tmp_path / "out" / "model.pt")
    runner = FORMATS.load("torch").open(tmp_path / "out", "cpu")
    pairs, _ = parity_pairs(what.model.config, task.data, what.languages, 5)
    assert largest_difference(runner, what.model, pairs) > 1e-3
    weights["decoder.layers.0.fc2.bias"][0] = 3e38  # a number, but its square is none
    torch.save(weights, tmp_path / "out" / "model.pt")
    runner = FORMATS.load("torch").open(tmp_path / "out", "cpu")
    with pytest.raises(CheckpointError, match="log-probabilities are not numbers"):
        largest_difference(runner, what.model, pairs)


def test_a_trained_subtransformer_needs_no_yaml(
    tmp_path: Path, task: Task, sub_yml: Path, tiny_space: SearchSpace
) -> None:
    arch = tiny_space.smallest()
    checkpoint = write_checkpoint(tmp_path / "c.pt", task, options=trained_as(arch))
    assert trained(checkpoint, None, task).model.arch == arch
    with pytest.raises(
        CheckpointError, match=r"c\.pt: was trained as one .* not that of .*sub\.yml"
    ):
        trained(checkpoint, sub_yml, task)


def test_an_exported_fairseq_checkpoint_is_a_checkpoint(
    tmp_path: Path, task: Task, checkpoint: Path, sub_yml: Path
) -> None:
    what = trained(checkpoint, sub_yml, task)
    written(what, tmp_path / "out", "fairseq")
    with pytest.raises(CheckpointError, match=r"out: is an export in another format than safet"):
        hat.load(tmp_path / "out")
    small = load_checkpoint(tmp_path / "out" / "model.pt")
    assert small.size == small.arch == what.model.arch
    assert small.config == what.model.config
    # and can be exported again, its own folder being its data
    again = read_trained(
        tmp_path / "out" / "model.pt", None, TaskSettings(data=tmp_path / "out", task="numbers")
    )
    written(again, tmp_path / "again", "safetensors")
    assert hat.load(tmp_path / "again").arch == what.model.arch
    held = read_checkpoint(tmp_path / "out" / "model.pt")
    assert not any("/" in str(value) for value in vars(held["args"]).values())  # no paths of mine


def test_command(
    tmp_path: Path,
    task: Task,
    checkpoint: Path,
    sub_yml: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "score").write_text(
        'BLEU = 31.4\n{"metric": "sacre", "bleu": 31.42, "sentences": 9, "signature": "n:1|x"}\n'
    )
    (tmp_path / "latency").write_text('{"latency_ms": 12.34, "signature": "device:cpu"}')
    folder = tmp_path / "new" / "out"
    words = [str(checkpoint), str(sub_yml), str(folder), "--data", str(task.data)]
    words += ["--bpe-codes", str(task.codes), "--parity-sentences", "3"]
    main([*words, "--score", str(tmp_path / "score"), "--latency", str(tmp_path / "latency")])
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    names = ["README.md", "bpe.codes", "config.json", "dict.en.txt", "dict.fr.txt"]
    names += ["export.json", "model.safetensors"]
    assert sorted(each.name for each in folder.iterdir()) == names
    assert result["model_bytes"] == sum(
        (folder / name).stat().st_size for name in ("config.json", "model.safetensors")
    )
    assert "stage:export|format:safetensors|checkpoint:" in result["signature"]
    card = (folder / "README.md").read_text()
    for part in (
        "# en to fr: a SubTransformer of 0.0",
        "| task | numbers, en to fr |",
        "| text | commas are set apart; 60 BPE merges |",
        f"| parameters | {result['params']:,} |",
        f"| bytes of the network on disk | {result['model_bytes']:,} (config.json and model.saf",
        r"| BLEU | 31.42 (sacre, 9 sentences); signature `n:1\|x` |",
        "| latency | 12.3 ms a sentence; workload and device: `device:cpu` |",
        f"log-probabilities differ by at most {result['parity']:.2e} from the checkpoint's",
        "over all words after every token of 3 sentences of random words",
        "A post-norm encoder of ",
        "| decoder 1 | ",
        f"| model.safetensors | {(folder / 'model.safetensors').stat().st_size:,} |",
    ):
        assert part in card
    # once more, in place of the first
    main([*words, "--format", "torch"])
    assert "model.safetensors" not in {each.name for each in folder.iterdir()}
    assert "BLEU" not in (folder / "README.md").read_text()
    assert [each.name for each in folder.parent.iterdir()] == ["out"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no data": ({"data": None}, r"where are its dictionaries\? give --data \(nowhere/num"),
    "data that is no folder": ({"data": Path("nowhere")}, "nowhere: is no folder; --data names"),
    "a language without dictionary": ({"target_lang": "de"}, r"has no dict\.de\.txt"),
    "codes that are not there": (
        {"bpe_codes": Path("nowhere")},
        "nowhere: cannot be read: No such",
    ),
    "two answers": (
        {"task": "numbers", "rules": TextRules(tokeniser="none")},
        "give --task or --tokeniser, not both",
    ),
    "rules without a tokeniser": (
        {"rules": TextRules(lowercase=True)},
        "rules for text need --tokeniser",
    ),
    "Moses' rules without Moses": (
        {"rules": TextRules(tokeniser="none", escape=True)},
        "Moses' rules do not go with --tokeniser none",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(tmp_path: Path, task: Task, checkpoint: Path, sub_yml: Path, case: str) -> None:
    changes, sentence = REFUSED[case]
    with pytest.raises(HatError, match=sentence):
        written(trained(checkpoint, sub_yml, task, **changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))


def test_another_task_is_refused(
    tmp_path: Path, task: Task, checkpoint: Path, sub_yml: Path, tmp_path_factory: Any
) -> None:
    # as many words, one of them another
    other = Path(shutil.copytree(task.data, tmp_path / "numbers_en_fr"))
    text = (other / "dict.fr.txt").read_text()
    word = text.split(" ")[0]
    (other / "dict.fr.txt").write_text(text.replace(f"{word} ", f"x{word} ", 1))
    with pytest.raises(CheckpointError, match=r"c\.pt: was trained with other target words"):
        trained(checkpoint, sub_yml, task, data=other)
    # the codes of a task that has other words
    codes = tmp_path / "codes"
    codes.write_text("#version: 0.2\n" + "".join(f"q{c} z</w>\n" for c in "abcdefghij"))
    with pytest.raises(HatError, match=r"codes: makes only 0 of the \d+ units of the dictionary"):
        written(trained(checkpoint, sub_yml, task, bpe_codes=codes), tmp_path / "out")
    # the codes of the same task from other numbers are near enough
    near = make_task(tmp_path_factory.mktemp("near"), seed=5)
    written(trained(checkpoint, sub_yml, task, bpe_codes=near.codes), tmp_path / "out")


def test_nobody_knows_how_the_text_was_tokenised(tmp_path: Path, task: Task, sub_yml: Path) -> None:
    data = Path(shutil.copytree(task.data, tmp_path / "mine"))
    checkpoint = write_checkpoint(tmp_path / "c.pt", task, options={"data": "my/data"})
    with pytest.raises(
        ConfigError, match=r"how was the text tokenised\? give --task, if it is one"
    ):
        trained(checkpoint, sub_yml, task, data=data)
    assert trained(checkpoint, sub_yml, task, data=data, task="multi30k").rules is not None
    rules = TextRules(tokeniser="moses", lowercase=True)
    assert trained(checkpoint, sub_yml, task, data=data, rules=rules).rules == rules


def test_a_supernet_needs_a_yaml_that_fits(
    tmp_path: Path, task: Task, checkpoint: Path, tiny_space: SearchSpace
) -> None:
    with pytest.raises(ConfigError, match=r"c\.pt: holds a SuperTransformer: which SubTransformer"):
        trained(checkpoint, None, task)
    text = (tmp_path / "wide.yml", tiny_space.largest())
    write_arch(*text)
    wide = text[0].read_text().replace("dim-subtransformer: 32", "dim-subtransformer: 64")
    text[0].write_text(wide)
    with pytest.raises(ConfigError, match=r"wide\.yml: encoder\.embed_dim = 64 does not fit"):
        trained(checkpoint, text[0], task)


def test_the_latency_of_several_that_were_measured_in_turn(
    tmp_path: Path, task: Task, checkpoint: Path, sub_yml: Path
) -> None:
    what = trained(checkpoint, sub_yml, task)
    own = mapping_digest(arch_to_mapping(what.model.arch))
    rows = {
        "largest.yml": {"latency_ms": 99.0, "error_ms": 1.0, "subtransformer": "another"},
        "best.yml": {"latency_ms": 4.56, "error_ms": 0.12, "subtransformer": own},
    }
    log = tmp_path / "compared"
    log.write_text("| round 1\n" + json.dumps({"rows": rows, "signature": "stage:compare"}) + "\n")
    written(what, tmp_path / "out", "torch", latency=log)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| latency | 4.6 ± 0.1 ms a sentence; workload and device: `stage:compare` |" in card
    del rows["best.yml"]
    log.write_text(json.dumps({"rows": rows, "signature": "stage:compare"}))
    with pytest.raises(HatError, match="compared: this SubTransformer is none of those that were"):
        written(what, tmp_path / "out", "torch", latency=log)


def test_what_is_no_export_is_not_replaced(
    tmp_path: Path, task: Task, checkpoint: Path, sub_yml: Path
) -> None:
    data = Path(shutil.copytree(task.data, tmp_path / "numbers_en_fr"))
    what = trained(checkpoint, sub_yml, task)
    with pytest.raises(ConfigError, match=r"is not replaced, because it holds dict\.en\.txt"):
        written(what, data)
    assert sorted(each.name for each in data.iterdir()) == ["dict.en.txt", "dict.fr.txt"]
    written(what, tmp_path / "out")
    before = {each.name: each.read_bytes() for each in (tmp_path / "out").iterdir()}
    (tmp_path / "bad").write_text("BLEU is fine")
    with pytest.raises(HatError, match="bad: expected a command's output, whose last line is JSON"):
        written(what, tmp_path / "out", "torch", score=tmp_path / "bad")
    (tmp_path / "bad").write_text('{"bleu": 3}')
    with pytest.raises(HatError, match="bad: its JSON has no signature"):
        written(what, tmp_path / "out", "torch", score=tmp_path / "bad")
    with pytest.raises(HatError, match="bad: its JSON: has no 'latency_ms'"):
        written(what, tmp_path / "out", "torch", latency=tmp_path / "bad")
    assert before == {each.name: each.read_bytes() for each in (tmp_path / "out").iterdir()}


def _json(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = json.loads((folder / "export.json").read_text())
        change(content)
        (folder / "export.json").write_text(json.dumps(content))

    return damage


def _swap(folder: Path) -> None:
    path = folder / "dict.fr.txt"
    first, second, *rest = path.read_text().splitlines()
    path.write_text("\n".join([second, first, *rest]) + "\n")


def _cut(folder: Path) -> None:
    path = folder / "bpe.codes"
    path.write_text(path.read_text()[:-20])


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no folder": (shutil.rmtree, r"export\.json: cannot be read: No such file"),
    "not ours": (lambda f: (f / "export.json").unlink(), "is no exported model: it has no export"),
    **{
        name: (lambda f, name=name: (f / name).unlink(), f"out: lacks {name}")
        for name in ("bpe.codes", "config.json", "dict.en.txt", "dict.fr.txt", "model.safetensors")
    },
    "codes cut": (_cut, r"bpe\.codes: has \d+ bytes, but the exported file has \d+"),
    "words of another task": (_swap, r"dict\.fr\.txt: is the dictionary of another model: the dig"),
    "newer": (
        _json(lambda c: c.update(version=VERSION + 1)),
        f"is of version {VERSION + 1} of its format",
    ),
    "a format that is not here": (
        _json(lambda c: c.update(model="onyx")),
        r"export\.json: unknown export format 'onyx'",
    ),
    "other places": (
        _json(lambda c: c["files"].update({"../x": 3})),
        r"files must hold names of files, but found '\.\./x'",
    ),
    "a language that is a place": (
        _json(lambda c: c.update({"source-lang": "/../../en"})),
        "source-lang must be a language such as en or pt_BR, but found '/../../en'",
    ),
    "no text": (_json(lambda c: c.pop("text")), "text must be of type dict, but found None"),
    "wrong rules": (
        _json(lambda c: c["text"].update(tokeniser="latin")),
        "tokeniser must be one of moses, numbers, none, but found 'latin'",
    ),
    "wrong length": (
        _json(lambda c: c.update({"longest-source": "9"})),
        "longest-source must be of type int",
    ),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_bad_folders(
    tmp_path: Path, task: Task, checkpoint: Path, sub_yml: Path, case: str
) -> None:
    damage, sentence = DAMAGES[case]
    written(trained(checkpoint, sub_yml, task), tmp_path / "out", parity_sentences=1)
    damage(tmp_path / "out")
    with pytest.raises(CheckpointError, match=sentence) as error:
        open_export(tmp_path / "out")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", FORMATS.names())
def test_one_flipped_bit_is_found(
    tmp_path: Path, task: Task, checkpoint: Path, sub_yml: Path, name: str
) -> None:
    arch = load_arch(sub_yml)
    spans = (1,) * arch.decoder.num_layers  # CTranslate2 cannot do more
    write_arch(sub_yml, replace(arch, decoder=replace(arch.decoder, ende_spans=spans)))
    written(trained(checkpoint, sub_yml, task), tmp_path / "out", name)
    open_export(tmp_path / "out")
    names = [path.name for path in (tmp_path / "out").iterdir() if path.stat().st_size]
    for changed in sorted({*names} - {EXPORT_FILE, CARD_FILE}):
        path = tmp_path / "out" / changed
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(HatError, match=re.escape(changed)):
            open_export(tmp_path / "out")
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
