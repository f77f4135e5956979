"""A saved model is the same model; a folder that is not one is refused in a sentence."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import hat
from hat.arch.space import SearchSpace
from hat.errors import CheckpointError, ConfigError, HatError
from hat.models.saved import VERSION
from hat.models.super_transformer import SuperTransformer
from hat.models.weights import WEIGHTS_FILES
from tests.models.conftest import KINDS, randomise, tiny_config

Batch = tuple[Tensor, Tensor, Tensor]


def any_model(rng: np.random.Generator, space: SearchSpace) -> SuperTransformer:
    """A SuperTransformer with options mixed at random, set to a SubTransformer at random."""
    mixed: dict[str, Any] = {"tgt_vocab_size": int(rng.integers(47, 53))}
    for options in KINDS.values():
        if rng.random() < 0.3:
            mixed |= options
    if mixed.get("share_all_embeddings"):
        mixed |= {"tgt_vocab_size": 50, "encoder_embed_dim": 32}
    model = randomise(SuperTransformer(tiny_config(**mixed)), seed=int(rng.integers(1000)))
    model.set_sample_config(space.sample(rng))
    return model


@pytest.mark.parametrize("weights", WEIGHTS_FILES)
@pytest.mark.parametrize("seed", range(12))
@torch.no_grad()
def test_round_trip(
    tmp_path: Path, batch: Batch, tiny_space: SearchSpace, weights: str, seed: int
) -> None:
    model = any_model(np.random.default_rng(seed), tiny_space)
    dtype = (torch.float32, torch.float64, torch.bfloat16)[seed % 3]
    small = hat.extract(model.to(dtype), model.arch)
    hat.save(small, tmp_path / "m", weights=weights)
    loaded = hat.load(tmp_path / "m")
    assert (loaded.config, loaded.size, loaded.arch) == (small.config, small.size, small.arch)
    assert not loaded.training
    expected, found = small.state_dict(), loaded.state_dict()
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert next(loaded.parameters()).dtype == dtype
    assert torch.equal(loaded(*batch), small(*batch))
    # a second way round writes the same bytes
    hat.save(loaded, tmp_path / "again", weights=weights)
    name = WEIGHTS_FILES[weights]
    if weights == "safetensors":
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "m" / name).read_bytes()


def test_a_supernet_is_saved_as_what_it_is_set_to(tmp_path: Path, tiny_space: SearchSpace) -> None:
    model = randomise(SuperTransformer(tiny_config(share_all_embeddings=True)))
    model.set_sample_config(tiny_space.smallest())
    hat.save(model, tmp_path / "m")
    loaded = hat.load(tmp_path / "m")
    assert loaded.size == tiny_space.smallest()
    held = model.num_params(tiny_space.smallest(), include_embeddings=True)
    size = (tmp_path / "m" / "model.safetensors").stat().st_size
    assert 4 * held <= size < 4 * held + 20_000  # nothing twice and nothing of the supernet


def test_saving_again_replaces_the_model_and_nothing_else(
    tmp_path: Path, model: SuperTransformer
) -> None:
    folder = tmp_path / "m"
    hat.save(model, folder)
    hat.save(model, folder, weights="torch")
    assert sorted(each.name for each in folder.iterdir()) == ["config.json", "model.pt"]
    hat.load(folder)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"m: is not replaced, because it holds notes\.txt"):
        hat.save(model, folder)
    with pytest.raises(ConfigError, match=r"notes\.txt: is a file, but a folder"):
        hat.save(model, folder / "notes.txt")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["m"]
    with pytest.raises(ConfigError, match="must be safetensors or torch, but found 'safetensor'; "):
        hat.save(model, tmp_path / "n", weights="safetensor")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["m"]


def _config(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / "config.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return damage


def _cut(name: str, keep: float) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(keep * len(content))])

    return damage


def _unchecked(damage: Callable[[Path], Any]) -> Callable[[Path], None]:
    """The same in a folder of an older hat, which noted no digests."""

    def damage_all(folder: Path) -> None:
        _config(lambda c: c.pop("digests"))(folder)
        damage(folder)

    return damage_all


def _put(name: str, weights: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        _config(lambda c: c.update(weights=name))(folder)
        torch.save(weights, folder / name)

    return _unchecked(damage)


NAME = "model.safetensors"
DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no folder": (shutil.rmtree, r"config\.json: cannot be read: No such file"),
    "no config": (lambda f: (f / "config.json").unlink(), r"config\.json: cannot be read: No such"),
    "no weights": (lambda f: (f / NAME).unlink(), r"model\.safetensors: cannot be read: No such"),
    "older and no weights": (
        _unchecked(lambda f: (f / NAME).unlink()),
        r"model\.safetensors: cannot be read: No such",
    ),
    "weights cut by one": (_cut(NAME, 0.9999), r"safetensors: is damaged or another network's"),
    "config cut": (_cut("config.json", 0.5), r"config\.json.*: is not JSON"),
    "config empty": (_cut("config.json", 0), r"config\.json.*: is not JSON"),
    "weights cut": (_unchecked(_cut(NAME, 0.9)), r"safetensors: is damaged or no safetensors file"),
    "weights cut early": (
        _unchecked(_cut(NAME, 0.001)),
        r"safetensors: is damaged or no safetensors file",
    ),
    "weights empty": (_unchecked(_cut(NAME, 0)), r"safetensors: is damaged or no safetensors file"),
    "newer": (
        _config(lambda c: c.update(version=VERSION + 1, hat="99.0")),
        rf"is of version {VERSION + 1} of its format, written by hat 99\.0, .* install a newer hat",
    ),
    "no version": (_config(lambda c: c.pop("version")), "version must be a positive number"),
    "other json": (
        _config(lambda c: c.update(format="x")),
        "JSON object of the format 'hat.model'",
    ),
    "other weights": (
        _config(lambda c: c.update(weights="../x.pt")),
        r"weights must be model\.safetensors or model\.pt, but found '\.\./x\.pt'",
    ),
    "no network": (
        _config(lambda c: c.pop("network")),
        "network must be an object, but found None",
    ),
    "missing size": (_config(lambda c: c["network"].pop("qkv_dim")), "network lacks qkv_dim"),
    "unknown entry": (
        _config(lambda c: c["network"].update(qkv_dimm=1)),
        "network has an unknown entry 'qkv_dimm'; did you mean 'qkv_dim'",
    ),
    "wrong type": (
        _config(lambda c: c["network"].update(encoder_learned_pos="yes")),
        "network.encoder_learned_pos must be of type bool, but found 'yes'",
    ),
    "wrong list": (
        _config(lambda c: c["subtransformer"]["encoder"].update(ffn_dims=3)),
        r"subtransformer\.encoder\.ffn_dims must be a list, but found 3",
    ),
    "wrong size": (
        _config(lambda c: c["subtransformer"]["encoder"].update(ffn_dims=["3"])),
        r"encoder\.ffn_dims must hold positive integers, but found '3'",
    ),
    "too large": (
        _config(lambda c: c["subtransformer"]["encoder"].update(embed_dim=64)),
        r"encoder\.embed_dim = 64 does not fit",
    ),
    "other shape": (
        _config(lambda c: c["network"].update(src_vocab_size=51)),
        r"the weight 'encoder\.embed_tokens\.weight' has shape .* but config\.json calls for \(51,",
    ),
    "a weight too many": (
        _config(lambda c: c["network"].update(share_decoder_input_output_embed=True)),
        r"the weight 'decoder\.embed_out' does not belong to its network",
    ),
    "no weight": (
        _put("model.pt", {}),
        r"pt: the weight 'encoder\.embed_tokens\.weight' is missing",
    ),
    "no weights but code": (
        _put("model.pt", shutil.rmtree),
        r"model\.pt: refused, because it holds",
    ),
    "weights without a digest": (
        _config(lambda c: c.update(weights="model.pt")),
        r"config\.json: digests holds none of model\.pt",
    ),
    "null for digests": (
        _config(lambda c: c.update(digests=None)),
        r"config\.json: digests must be an object, but found None",
    ),
    "a list": (_put("model.pt", [torch.ones(2)]), r"model\.pt: holds more than named weights"),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_bad_folders(tmp_path: Path, tiny_space: SearchSpace, case: str) -> None:
    damage, sentence = DAMAGES[case]
    model = randomise(SuperTransformer(tiny_config()))
    hat.save(hat.extract(model, tiny_space.smallest()), tmp_path / "m")
    damage(tmp_path / "m")
    with pytest.raises(CheckpointError, match=sentence) as error:
        hat.load(tmp_path / "m")
    assert "\n" not in str(error.value)


def test_weights_of_two_precisions(tmp_path: Path, model: SuperTransformer) -> None:
    hat.save(model, tmp_path / "m", weights="torch")
    _unchecked(lambda folder: None)(tmp_path / "m")
    weights = torch.load(tmp_path / "m" / "model.pt", weights_only=True)
    name = next(iter(weights))
    for other in (torch.float16, torch.int64):
        torch.save({**weights, name: weights[name].to(other)}, tmp_path / "m" / "model.pt")
        with pytest.raises(CheckpointError, match="expected weights of one precision, but found"):
            hat.load(tmp_path / "m")


def test_without_safetensors_the_package_is_named(
    tmp_path: Path, model: SuperTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hat.save(model, tmp_path / "m")
    for name in ("safetensors", "safetensors.torch"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(HatError, match="needs the package safetensors, which is not installed"):
        hat.load(tmp_path / "m")
    with pytest.raises(HatError, match="needs the package safetensors, which is not installed"):
        hat.save(model, tmp_path / "m2")
    assert not (tmp_path / "m2").exists()
    hat.save(model, tmp_path / "m2", weights="torch")
    hat.load(tmp_path / "m2")
