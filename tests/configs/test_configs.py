"""Every YAML file and script that ships is read: keys, values, folders and names."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from hat.arch.hat_yaml import load_arch, space_from_options
from hat.cli.options import read_yaml

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"
TASKS = (
    "conlang.qaa-qab",
    "iwslt14.de-en",
    "multi30k.en-de",
    "numbers.en-fr",
    "wmt14.en-de",
    "wmt14.en-fr",
    "wmt19.en-de",
)
STAGE_SCRIPTS = (
    "train_supertransformer.sh",
    "latency_dataset.sh",
    "latency_predictor.sh",
    "evo_search.sh",
    "train_subtransformer.sh",
)


def files(pattern: str) -> list[Any]:
    paths = sorted(CONFIGS.glob(pattern))
    assert paths, pattern
    return [pytest.param(path, id=str(path.relative_to(CONFIGS))) for path in paths]


def values(path: Path) -> dict[str, Any]:
    return {key: entry.value for key, entry in read_yaml(path).items()}


def test_the_tasks_are_complete() -> None:
    assert tuple(sorted(p.name for p in CONFIGS.iterdir() if p.is_dir())) == TASKS
    for task in TASKS:
        for script in (*STAGE_SCRIPTS, "preprocess.sh", "test.sh"):
            assert (CONFIGS / task / script).is_file(), f"{task}/{script}"
        for folder in ("supertransformer", "subtransformer", "latency_dataset"):
            assert list((CONFIGS / task / folder).glob("*.yml")), f"{task}/{folder}"


@pytest.mark.parametrize("path", files("*/*/*.yml"))
def test_every_file_is_yaml_without_repeated_keys(path: Path) -> None:
    assert values(path)


@pytest.mark.parametrize("path", files("*/*/HAT_*.yml"))
def test_published_subtransformers_lie_in_the_space_of_their_task(path: Path) -> None:
    (space_file,) = (path.parents[1] / "supertransformer").glob("*.yml")
    space = space_from_options(values(space_file), str(space_file))
    arch = load_arch(path)
    # HAT's published IWSLT and WMT models all come from the space of their task
    space.check(arch)


@pytest.mark.parametrize("path", files("*/supertransformer/*.yml"))
def test_spaces_fit_the_network_around_them(path: Path) -> None:
    options = values(path)
    space = space_from_options(options, str(path))
    assert options["encoder-embed-dim"] == space.encoder_embed_dims[0]
    assert options["decoder-embed-dim"] == space.decoder_embed_dims[0]
    assert options["encoder-ffn-embed-dim"] == space.encoder_ffn_dims[0]
    assert options["decoder-ffn-embed-dim"] == space.decoder_ffn_dims[0]
    assert options["encoder-layers"] == space.max_encoder_layers
    assert options["decoder-layers"] == space.max_decoder_layers
    assert max(space.decoder_ende_spans) <= space.max_encoder_layers
    heads = {*space.encoder_self_heads, *space.decoder_self_heads, *space.decoder_ende_heads}
    assert all(options["qkv-dim"] % count == 0 for count in heads)
    assert options["encoder-attention-heads"] == max(heads)


def space_file_of(common: Path) -> Path:
    """The space whose SuperTransformer the SubTransformers of ``common`` are trained in."""
    spaces = sorted((common.parents[1] / "supertransformer").glob("*.yml"))
    ending = common.stem.removeprefix("common")
    return next(path for path in spaces if path.stem.endswith(ending) or len(spaces) == 1)


NETWORK_KEYS = re.compile(
    r"arch|data|(source|target)-lang|share-.*|qkv-dim|(en|de)coder-[a-z-]+(?<!choice)"
)


@pytest.mark.parametrize("path", files("*/subtransformer/common*.yml"))
def test_subtransformers_train_in_the_supertransformer_of_their_space(path: Path) -> None:
    common, space = values(path), values(space_file_of(path))
    assert common["train-subtransformer"] is True
    for key in space:
        if NETWORK_KEYS.fullmatch(key):
            assert common[key] == space[key], key


@pytest.mark.parametrize("path", files("*/latency_dataset/*.yml"))
def test_measured_spaces_contain_the_searched_ones(path: Path) -> None:
    spaces = sorted((path.parents[1] / "supertransformer").glob("*.yml"))
    searched = next(p for p in spaces if len(spaces) == 1 or p.stem.endswith(path.stem))
    measured = space_from_options(values(path), str(path))
    space = space_from_options(values(searched), str(searched))
    measured.check(space.largest())
    measured.check(space.smallest())
    assert ("latcpu" in values(path)) == path.stem.startswith("cpu")
    assert ("latgpu" in values(path)) == path.stem.startswith("gpu")


@pytest.mark.parametrize("path", files("*/evo_search/*.yml"))
def test_stages_of_one_task_name_the_same_files(path: Path) -> None:
    options = values(path)
    predictors = [values(p) for p in path.parents[1].glob("latency_predictor/*.yml")]
    (own,) = [p for p in predictors if p["ckpt-path"] == options["ckpt-path"]]
    for key in ("feature-norm", "lat-norm"):
        if key in options:
            assert options[key] == own[key], key
    assert options["population-size"] == (
        options["parent-size"] + options["mutation-size"] + options["crossover-size"]
    )


def test_values_are_hats_own(shared_data: Path) -> None:
    hats = shared_data / "hat" / "configs"
    published = sorted(hats.rglob("*.yml"))
    assert published
    for theirs in published:
        ours = CONFIGS / theirs.relative_to(hats)
        if theirs.name.startswith("HAT_"):
            assert load_arch(ours) == load_arch(theirs), ours
        else:
            assert yaml.safe_load(ours.read_text()) == yaml.safe_load(theirs.read_text()), ours


def test_wmt_tasks_differ_from_wmt14_en_de_only_where_they_should() -> None:
    base = values(CONFIGS / "wmt14.en-de/supertransformer/space0.yml")
    for task in ("wmt14.en-fr", "wmt19.en-de"):
        other = values(CONFIGS / task / "supertransformer/space0.yml")
        different = {key for key in base if other.get(key) != base[key]}
        expected = {"data", "save-interval", "validate-interval"}
        assert different - {"arch"} == expected and other.keys() == base.keys()
        assert other["save-interval"] == other["validate-interval"] == 1


def test_scripts_are_valid_bash_with_a_usage_line() -> None:
    scripts = sorted(CONFIGS.glob("*/*.sh"))
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        name = script.relative_to(ROOT)
        assert f"# usage: bash {name}" in text, name
        shared = {"test.sh": "test"} | dict.fromkeys(STAGE_SCRIPTS, "stage")
        source = (
            f'source "$(dirname "${{BASH_SOURCE[0]}}")/../{shared.get(script.name, "common")}.sh"'
        )
        code = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert code[0] == source, name
        assert len(code) == 1 or script.name not in shared, f"{name} does something of its own"
    for script in (*scripts, *CONFIGS.glob("*.sh")):
        subprocess.run(["bash", "-n", str(script)], check=True)
