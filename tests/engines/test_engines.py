"""Every engine runs the same network: log-probabilities, hypotheses, files, what is timed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from hat.engines import ENGINES
from hat.engines.base import Engine
from hat.engines.ctranslate2_engine import _distinct
from hat.errors import CheckpointError, ConfigError, DataError
from hat.settings import own_settings
from hat.translation.beam import BeamSettings, Hypothesis
from tests.engines.conftest import KINDS, random_network
from tests.translation.conftest import assert_same, our_n_best, random_sentences

SETTINGS = BeamSettings(beam=4, nbest=3, max_len_b=12, lenpen=0.8)

TOLERANCE = {"fp32": 2e-5, "bf16": 0.5, "fp16": 0.06, "int8": 0.8}
"""Of log-probabilities of these networks, whose logits have a deviation of about 1.5."""


def built(name: str, **values: Any) -> Engine:
    part: Any = ENGINES.load(name)
    engine: Engine = part.build(part.Settings(**values))
    return engine


def precisions(name: str) -> tuple[str, ...]:
    part: Any = ENGINES.load(name)
    (setting,) = (each for each in own_settings(part.Settings) if each.field == "precision")
    return setting.choices or ()


EVERY = [(name, precision) for name in ENGINES.names() for precision in precisions(name)]


def batch(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    source = random_sentences(rng, 5, 50)
    begun = torch.from_numpy(rng.integers(4, 50, (5, 11)))
    begun[:, 0] = 2
    return source, begun


def expected(small: Any, source: torch.Tensor, begun: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = small(source, None, begun).log_softmax(-1)
    return found


def network(name: str, kind: str, **more: Any) -> Any:
    """A network that the engine can represent."""
    return random_network(kind, spans=name != "ctranslate2", **more)


@pytest.mark.numbers
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "precision"), EVERY)
def test_log_probabilities_are_those_of_the_modules(name: str, precision: str, kind: str) -> None:
    small = network(name, kind)
    source, begun = batch()
    truth = expected(small, source, begun)
    found = built(name, precision=precision).load(small).forced(source, begun)
    assert torch.equal(expected(small, source, begun), truth)  # the network is as it was
    assert not truth.isnan().any()
    assert found.dtype == torch.float32
    assert (found - truth).abs().max() < TOLERANCE[precision]
    assert (found - truth).abs().mean() < TOLERANCE[precision] / 4
    assert torch.equal(found, truth) is False or precision == "fp32"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ENGINES.names())
def test_hypotheses_and_files(tmp_path: Path, name: str, kind: str) -> None:
    """What is opened again gives the hypotheses of the checkpoint, padded on either side."""
    small = network(name, kind, seed=1, ends=True)
    engine = built(name)
    engine.check(small.config, small.arch)
    engine.write(small, tmp_path)
    opened = engine.open(tmp_path)
    for left_pad in (True, False):
        source = random_sentences(np.random.default_rng(2), 6, 50, left_pad=left_pad)
        ours, theirs = opened.search(SETTINGS)(source), our_n_best(small, source, SETTINGS)
        if name != "ctranslate2":
            assert_same(ours, theirs)
            continue
        for row, hypotheses in zip(source, ours, strict=True):
            for each in hypotheses:
                assert each.score == pytest.approx(rescored(small, row, each), abs=1e-5)


def rescored(small: Any, row: torch.Tensor, hypothesis: Hypothesis) -> float:
    """CTranslate2's score: of what may follow, and without the end where the limit sets it."""
    tokens = torch.tensor([hypothesis.tokens])
    begun = torch.cat((torch.tensor([[2]]), tokens[:, :-1]), dim=1)
    log_probs = expected(small, row[None], begun).clone()
    log_probs[:, :, 1] = -torch.inf
    if SETTINGS.min_len:
        log_probs[:, 0, 2] = -torch.inf
    found = log_probs.log_softmax(-1).gather(2, tokens[:, :, None])[0, : SETTINGS.max_len_b, 0]
    return float(found.sum()) / len(found) ** SETTINGS.lenpen


def test_ctranslate2_finds_what_we_find_where_sentences_end_by_themselves() -> None:
    """Its search is its own; of these hypotheses all were the same when this was written."""
    settings = BeamSettings(beam=4, max_len_b=18, lenpen=0.8, min_len=0)
    source = random_sentences(np.random.default_rng(2), 6, 50)
    ended = 0
    for seed in range(8):
        small = random_network("unshared", seed=seed, spans=False, ends=True)
        ours = built("ctranslate2").load(small).search(settings)(source)
        for mine, other in zip(ours, our_n_best(small, source, settings), strict=True):
            if len(other[0].tokens) <= settings.max_len_b:
                assert mine[0].tokens == other[0].tokens
                ended += 1
    assert ended > 20


def test_what_ctranslate2_cannot_do_is_one_sentence() -> None:
    drawn = (random_network("shared", seed=seed) for seed in range(9))
    small = next(each for each in drawn if max(each.arch.decoder.ende_spans) > 1)
    engine = built("ctranslate2")
    with pytest.raises(
        ConfigError, match=r"restrict .* decoder-arbitrary-ende-attn-choice: \[-1\]"
    ):
        engine.load(small)
    linear = random_network("shared", spans=False, activation_fn="linear")
    with pytest.raises(ConfigError, match="cannot represent activation-fn: linear"):
        engine.load(linear)
    runnable = engine.load(random_network("shared", spans=False))
    with pytest.raises(ConfigError, match="unkpen: CTranslate2 cannot"):
        runnable.search(BeamSettings(unkpen=1.0))


@pytest.mark.parametrize(("name", "precision"), EVERY)
def test_what_is_timed_runs(name: str, precision: str) -> None:
    small = network(name, "shared", seed=3)
    runnable = built(name, precision=precision, threads=1).load(small)
    assert runnable.vocab_size == 50
    passes = runnable.passes(torch.full((2, 7), 7), beam=3, steps=5)
    for _ in range(2):
        passes.encode()
        passes.decode()


@pytest.mark.parametrize(("name", "precision"), EVERY)
def test_the_signature_says_what_decides_a_latency(name: str, precision: str) -> None:
    one = built(name, precision=precision).signature()
    assert one["engine"] == name and one["precision"] == precision
    assert one["version"][0].isdigit()
    assert built(name, precision=precision, threads=77).signature() != one
    assert ("int8-range" in one) == (precision == "int8")


def test_int8_of_torch_is_for_the_cpu() -> None:
    with pytest.raises(ConfigError, match="precision int8 is for the CPU"):
        built("torch", precision="int8").load(random_network("shared"), device="cuda")
    with pytest.raises(ConfigError, match="int8-range is for precision int8, not bf16"):
        built("torch", precision="bf16", int8_range="full")


HEADS = "import builtins, json, sys\n" + (
    "plain = builtins.__import__\n"
    "def guarded(name, *rest, **more):\n"
    "    if name.split('.')[0] in ('torch', 'hat', 'onnx', 'fairseq'):\n"
    "        raise ImportError(f'{name} is not on this device')\n"
    "    return plain(name, *rest, **more)\n"
    "builtins.__import__ = guarded\n"
)
"""A device that has numpy and the engine, and neither torch nor hat."""


def on_a_device(script: Path, code: str, *words: str, home: Path) -> Any:
    lines = f"{HEADS}sys.path.insert(0, sys.argv[1])\nimport {script.stem} as engine\n{code}"
    command = [sys.executable, "-c", lines, str(script.parent), *words]
    hidden = ("PYTHONPATH", "XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED")
    environment = {**{k: v for k, v in os.environ.items() if k not in hidden}, "HOME": str(home)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


SCRIPTED = [name for name in ENGINES.names() if ENGINES.load(name).script is not None]


@pytest.mark.parametrize("name", SCRIPTED)
def test_files_run_where_there_is_no_torch(tmp_path: Path, name: str) -> None:
    small = network(name, "pre_norm", seed=4)
    engine = built(name)
    (tmp_path / "files").mkdir()
    engine.write(small, tmp_path / "files")
    assert engine.script is not None
    script = Path(shutil.copy(engine.script, tmp_path))  # alone in its folder
    code = (
        "network = engine.load(sys.argv[2], threads=1)\n"
        "passes = network.passes([[7, 8, 9, 2]] * 2, beam=3, steps=4)\n"
        "passes.encode(), passes.decode()\n"
        "print(json.dumps([passes.is_whole, sorted({'torch', 'hat'} & set(sys.modules))]))\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    found = on_a_device(script, code, str(tmp_path / "files"), home=home)
    assert found == [name == "ctranslate2", []]
    assert not list(home.rglob("*")), "an engine's package leaves nothing at home"


def test_a_device_without_torch_computes_the_same(tmp_path: Path) -> None:
    small = random_network("learned", seed=5)
    engine = built("onnxruntime")
    engine.write(small, tmp_path)
    source, begun = batch(3)
    code = (
        "source, begun = json.loads(sys.argv[3])\n"
        "network = engine.load(sys.argv[2], threads=1)\n"
        "decoding = network.decode(network.encode(source))\n"
        "found = []\n"
        "for column in zip(*begun):\n"
        "    found.append(decoding.step(engine.np.array(column)[:, None]).tolist())\n"
        "print(json.dumps(found))\n"
    )
    assert engine.script is not None
    words = json.dumps([source.tolist(), begun.tolist()])
    found = on_a_device(engine.script, code, str(tmp_path), words, home=tmp_path)
    log_probs = torch.tensor(found).transpose(0, 1)
    torch.testing.assert_close(log_probs, expected(small, source, begun), atol=2e-5, rtol=0)


@pytest.mark.parametrize(("chosen", "largest"), [(None, 63), ("reduced", 63), ("full", 127)])
def test_reduced_weights_cannot_overflow_16_bits(
    tmp_path: Path, chosen: str | None, largest: int
) -> None:
    """Without VNNI two products of an unsigned and a signed byte are added in 16 bits."""
    small = random_network("unshared", seed=6, spans=False)
    built("onnxruntime", precision="int8", int8_range=chosen).write(small, tmp_path)
    found = set()
    for name in ("encoder.onnx", "decoder.onnx"):
        model = onnx.load(str(tmp_path / name))
        for tensor in model.graph.initializer:
            if tensor.data_type == onnx.TensorProto.INT8:
                weight = onnx.numpy_helper.to_array(tensor).astype(np.int32)
                found.add(int(np.abs(weight).max()))
                assert (np.abs(weight).max() * 2 * 255 < 2**15) == (largest == 63)
    assert found == {largest}


def test_words_that_stand_twice_are_told_apart() -> None:
    assert _distinct(["a", "b", "a", "a", "a#0"]) == ["a#0#0", "b", "a#2", "a", "a#0"]
    words = ["<s>", "<pad>", "</s>", "<unk>", "x", "x"]
    assert len(set(_distinct(words))) == len(words)


def test_a_graph_that_cannot_be_read_is_told_of_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """ONNX Runtime would print between the translations that it tries again."""
    engine = built("onnxruntime")
    engine.write(random_network("shared"), tmp_path)
    facts = tmp_path / "network.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "digests": {}}))
    graph = tmp_path / "encoder.onnx"
    graph.write_bytes(graph.read_bytes().replace(b"decoder_0", b"\xffecoder_0", 1))
    with pytest.raises(CheckpointError, match="cannot read it"):
        engine.open(tmp_path)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("name", ENGINES.names())
def test_what_is_not_numbers_is_no_translation(name: str) -> None:
    small = network(name, "shared", ends=True)
    with torch.no_grad():
        for of, weight in small.decoder.named_parameters():
            if "layer_norm" in of:
                weight.fill_(3e38)
    search = built(name).load(small).search(SETTINGS)
    with pytest.raises(DataError, match="the model's output is not numbers"):
        search(random_sentences(np.random.default_rng(2), 2, 50))
