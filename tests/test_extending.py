"""``docs/extending.md``: its package, installed, adds parts; broken packages are named."""

import json
import pkgutil
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hat.arch.space import SearchSpace
from hat.benchmarks.load import BENCHMARKS
from hat.cli.options import StageParser
from hat.engines import ENGINES
from hat.errors import CheckpointError, ConfigError
from hat.export.formats import FORMATS
from hat.latency.predictors import PREDICTORS
from hat.latency.predictors.load import load_predictor
from hat.latency.samples import read_samples, write_samples
from hat.measuring.devices import DEVICES
from hat.nas.limits import LIMITS
from hat.nas.scorers import SCORERS
from hat.parts import Parts
from hat.sampling import SAMPLINGS
from hat.search.algorithms import ALGORITHMS
from hat.settings import settings_signature
from hat.tasks import TASKS
from tests.fairseq_plugin.conftest import corpus, space_yml  # noqa: F401  (fixtures)
from tests.latency.conftest import simulated
from tests.nas.conftest import search_space, supernet  # noqa: F401  (fixtures)

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
ADDED = {
    "weighted-depth": SCORERS,
    "best-parent": ALGORITHMS,
    "several": SAMPLINGS,
    "layers": LIMITS,
    "by-depth": PREDICTORS,
    "counted": DEVICES,
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def install(folder: Path, name: str, version: str, entry_points: dict[str, dict[str, str]]) -> None:
    """What pip leaves of a package, besides its modules."""
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir(parents=True)
    about.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )
    lines = []
    for group, entries in entry_points.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in entries.items())]
    about.joinpath("entry_points.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The package that the page writes."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "my_parts").mkdir()
    for code in blocks("python"):
        first, _, text = code.partition("\n")
        (folder / first.removeprefix("# ")).write_text(text)
    (project,) = [tomllib.loads(text)["project"] for text in blocks("toml")]
    install(folder, project["name"], project["version"], project["entry-points"])
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield folder


@pytest.mark.parametrize("name", ADDED)
def test_a_part_is_in_its_table_once_it_is_installed(name: str, installed: Path) -> None:
    table = ADDED[name]
    assert table.names()[-1] == name
    part: Any = table.load(name)
    assert part.__module__.startswith("my_parts.")
    assert part.Settings in table.settings()
    assert table.origin(name) == {f"{table.kind} {name}": "my-parts 1.0"}
    assert table.origin(table.names()[0]) == {}


def test_the_tables_on_the_page_are_those_that_there_are() -> None:
    page = PAGE.read_text()
    for table in (*ADDED.values(), TASKS, ENGINES, FORMATS):
        assert f"| `{table.group}` |" in page


def test_every_name_on_the_page_is_there() -> None:
    groups = {table.group for table in (*ADDED.values(), BENCHMARKS, TASKS, ENGINES, FORMATS)}
    names = set(re.findall(r"`(hat(?:\.\w+)+)", PAGE.read_text())) - groups
    assert len(names) > 10
    for name in names:
        assert pkgutil.resolve_name(name)


def test_flags_help_choices_and_yaml_keys_come_with_it(installed: Path, tmp_path: Path) -> None:
    from hat.commands.search import add_search_flags

    parser = StageParser(prog="x", description="x")
    add_search_flags(parser)
    shown = " ".join(parser.format_help().split())
    assert "--decoder-weight FLOAT what a decoder layer counts;" in shown
    assert "--layers-constraint LIMIT" in shown and "--children N" in shown
    yml = tmp_path / "x.yml"
    yml.write_text("scorer: weighted-depth\ndecoder-weight: 3\nsearch_algorithm: best-parent\n")
    options = parser.parse_args([f"--configs={yml}"])
    assert (options.scorer, options.decoder_weight) == ("weighted-depth", 3.0)
    yml.write_text("scorer: weighted-deth\n")
    with pytest.raises(ConfigError, match=r"x\.yml:1: scorer .*did you mean 'weighted-depth'"):
        parser.parse_args([f"--configs={yml}"])


def test_wrong_values_are_one_sentence_and_settings_sign(installed: Path) -> None:
    settings: Any = SCORERS.load("weighted-depth").Settings  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="decoder-weight must be above 0, but found -1"):
        settings(decoder_weight=-1.0)
    assert settings_signature(settings()) == {"decoder-weight": 2.0}


def test_a_dataset_of_the_device(
    installed: Path,
    tmp_path: Path,
    space_yml: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    from hat.commands import latency_dataset

    csv = tmp_path / "lat.csv"
    words = (f"--configs={space_yml}", "--latcpu", "--vocab-size", "40", "--lat-dataset-size", "5")
    flags = ("--lat-dataset-path", str(csv), "--lat-threads", "1", "--device", "counted:2")
    latency_dataset.main([*words, *flags])
    rows = read_samples(csv)
    assert len(rows) == 5 and all(row.trusted for row in rows)
    assert "|gflops:2.0|" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        latency_dataset.main([*words, *flags[:-1], "counted:fast"])
    assert "'counted:fast': expected counted:GFLOPS" in capsys.readouterr().err


def test_a_search_made_of_them_runs_end_to_end(
    installed: Path,
    tmp_path: Path,
    space_yml: Path,  # noqa: F811
    supernet: Path,  # noqa: F811
    search_space: SearchSpace,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("fairseq")
    from hat.commands import latency_predictor, search

    write_samples(tmp_path / "lat.csv", simulated(search_space, 60))
    predictor, yml = tmp_path / "predictor.pt", tmp_path / "mine.yml"
    words = ("--lat-dataset-path", tmp_path / "lat.csv", "--ckpt-path", predictor)
    latency_predictor.main([*map(str, words), "--predictor", "by-depth", "--through-zero"])
    fitted: Any = load_predictor(predictor)
    assert fitted.kind == "by-depth" and fitted.slope > 0 and fitted.rest == 0

    yml.write_text("scorer: weighted-depth\nlayers-constraint: 80%\nchildren: 6\nevo-iter: 3\n")
    flags = ("--ckpt-path", predictor, "--latency-constraint", "150%", "--decoder-weight", "3")
    words = ("--restore-file", supernet, "--write-config-path", tmp_path / "best.yml")
    command = [f"--configs={space_yml}", f"--evo-configs={yml}", *map(str, (*words, *flags))]
    command += ["--search-algorithm", "best-parent", "--cpu", "--rank-sample", "5"]
    capsys.readouterr()
    search.main([*command, "--contest-seeds"])
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["scorer"] == "weighted-depth"
    assert result["score"] == 2 + 3 * 2  # of 80 % of 2 + 3 layers 4 are left
    assert result["limits"]["layers"]["predicted"] == result["limits"]["layers"]["limit"] == 4
    folder = tmp_path / "best.search"
    conditions = json.loads((folder / "search_state.json").read_text())["conditions"]
    for kind, name in (
        ("scorer", "weighted-depth"),
        ("search algorithm", "best-parent"),
        ("limit", "layers"),
        ("latency predictor", "by-depth"),
    ):
        assert conditions[f"{kind} {name}"] == "my-parts 1.0"
    assert (conditions["decoder-weight"], conditions["children"]) == (3.0, 6)
    assert len((folder / "trials.jsonl").read_text().splitlines()) == 18
    assert "| weighted-depth |" in (folder / "report" / "report.md").read_text()
    with pytest.raises(SystemExit):
        search.main([*command, "--decoder-weight", "2"])
    assert "decoder-weight was 3.0, is now 2.0" in capsys.readouterr().err


GOOD = "from hat.settings import NoSettings\n\n\nclass Part:\n    Settings = NoSettings\n"
BROKEN = {
    "no module": (None, "cannot be imported: ModuleNotFoundError: No module named 'coins'"),
    "no class": ("x = 1\n", "cannot be imported: AttributeError: module 'coins' has no attribute"),
    "an error": (
        "raise RuntimeError('no\\nlibrary')\n",
        "cannot be imported: RuntimeError: no library",
    ),
    "no code": ("class Part\n", "cannot be imported: SyntaxError: expected ':' (coins.py, line 1)"),
    "no build": (GOOD, "has no 'build', which every gadget needs"),
    "no weight": (f"{GOOD}    build = 1\n", "has no 'weight', which every gadget needs"),
    "wrong settings": (
        "class Part:\n    Settings = dict\n    build = weight = 1\n",
        "has wrong settings: ",
    ),
}
Install = Callable[..., None]


@pytest.fixture
def install_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """``install_here(name, {group: {part: object}})`` until the end of the test."""
    import sys

    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "coins", raising=False)

    def install_(name: str, entry_points: dict[str, dict[str, str]]) -> None:
        install(tmp_path, name, "2.5", entry_points)
        monkeypatch.syspath_prepend(str(tmp_path))  # forgets what was found before

    return install_


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_package_is_one_sentence(case: str, tmp_path: Path, install_here: Install) -> None:
    code, message = BROKEN[case]
    if code is not None:
        (tmp_path / "coins.py").write_text(code)
    install_here("purse", {"hat.gadgets": {"coins": "coins:Part"}})
    table: Parts[Any] = Parts("gadget", "hat.gadgets", {}, needs=("weight",))
    assert table.names() == ("coins",)
    with pytest.raises(ConfigError) as error:
        table.settings()
    assert str(error.value).startswith(f"the gadget 'coins' of the package purse 2.5 {message}")
    assert "\n" not in str(error.value)


def test_a_command_ends_with_that_sentence(
    install_here: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    from hat.commands.latency_predictor import main

    install_here("purse", {"hat.predictors": {"coins": "coins:Part"}})
    with pytest.raises(SystemExit) as end:
        main(["--lat-dataset-path", "x.csv"])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: the latency predictor 'coins' of the package purse 2.5 cannot")
    assert said.count("\n") == 1


@pytest.mark.parametrize("table", [*ADDED.values(), TASKS], ids=lambda table: str(table.kind))
def test_no_package_takes_a_name_of_hat_s(table: Parts[Any], install_here: Install) -> None:
    ours = table.names()[0]
    install_here("purse", {table.group: {ours: "coins:Part"}})
    sentence = f"the package purse 2.5 adds a {table.kind} '{ours}', but hat has one of that name"
    with pytest.raises(ConfigError, match=sentence):
        table.names()
    with pytest.raises(ConfigError, match=sentence):
        "mine" in table  # noqa: B015


def test_no_package_takes_a_name_of_another_s(install_here: Install) -> None:
    install_here("purse", {"hat.scorers": {"coins": "coins:Part"}})
    install_here("wallet", {"hat.scorers": {"coins": "coins:Part"}})
    with pytest.raises(ConfigError, match=r"adds a scorer 'coins', but (purse|wallet) 2.5 has one"):
        SCORERS.names()


def test_a_flag_keeps_its_meaning(tmp_path: Path, install_here: Install) -> None:
    from hat.commands.search import add_search_flags

    (tmp_path / "coins.py").write_text(
        "from dataclasses import dataclass\n"
        "from hat.nas.scorers.free import Params\n"
        "from hat.settings import Settings\n\n\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class CoinSettings(Settings):\n    bleu_beam: int = 99\n\n\n"
        "class Part(Params):\n    Settings = CoinSettings\n"
    )
    install_here("purse", {"hat.scorers": {"coins": "coins:Part"}})
    with pytest.raises(ConfigError, match=r"--bleu-beam of coins\.CoinSettings is an option with"):
        add_search_flags(StageParser(prog="x", description="x"))


def test_a_predictor_s_file_names_the_kind_that_is_not_installed(tmp_path: Path) -> None:
    import torch

    from hat.latency.predictor import FORMAT

    torch.save({"format": FORMAT, "kind": "elsewhere"}, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match=r"x\.pt: cannot be read here: unknown latency pred"):
        load_predictor(tmp_path / "x.pt")
