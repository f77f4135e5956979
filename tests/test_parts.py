"""What every named part has, whatever its kind: the tests of its kind say what it does."""

import json
import subprocess
import sys
from dataclasses import is_dataclass
from typing import Any

import pytest

from hat.engines import ENGINES
from hat.errors import ConfigError
from hat.export.formats import FORMATS
from hat.latency.predictors import PREDICTORS
from hat.measuring.devices import DEVICES
from hat.nas.limits import LIMITS
from hat.nas.scorers import SCORERS
from hat.parts import Parts
from hat.sampling import SAMPLINGS
from hat.search.algorithms import ALGORITHMS
from hat.settings import Settings, all_settings
from hat.tasks import TASKS

TABLES: tuple[Parts[Any], ...] = (
    *(SCORERS, ALGORITHMS, LIMITS, PREDICTORS, SAMPLINGS, TASKS, ENGINES, FORMATS, DEVICES),
)
EVERY = [(table, name) for table in TABLES for name in table.names()]
every_part = pytest.mark.parametrize(
    ("table", "name"), EVERY, ids=[f"{table.group}:{name}" for table, name in EVERY]
)


@every_part
def test_a_part_has_what_its_kind_needs(table: Parts[Any], name: str) -> None:
    part: Any = table.load(name)
    assert [needed for needed in table.needs if not hasattr(part, needed)] == []
    assert issubclass(part.Settings, Settings) and is_dataclass(part.Settings)
    settings = all_settings(part.Settings)
    if not any(setting.is_required for setting in settings):
        assert part.Settings() == part.Settings()
    assert part.__doc__ and (part.Settings.__doc__ or not settings)


@pytest.fixture(scope="session")
def brought_in() -> dict[str, list[str]]:
    """What the import of each part's module brings in, in a process of its own for all."""
    modules = {f"{table.group}:{name}": table.load(name).__module__ for table, name in EVERY}
    code = (
        "import importlib, json, sys\n"
        "found = {}\n"
        "for part, module in json.loads(sys.argv[1]).items():\n"
        "    importlib.import_module(module)\n"
        "    found[part] = sorted({'torch', 'fairseq'} & set(sys.modules))\n"
        "    for name in [name for name in sys.modules if name.split('.')[0] in found[part]]:\n"
        "        del sys.modules[name]\n"
        "print(json.dumps(found))\n"
    )
    words = [sys.executable, "-c", code, json.dumps(modules)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@every_part
def test_a_part_s_module_imports_neither_torch_nor_fairseq(
    table: Parts[Any], name: str, brought_in: dict[str, list[str]]
) -> None:
    assert brought_in[f"{table.group}:{name}"] == []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.kind))
def test_a_name_that_is_not_there_is_one_sentence(table: Parts[Any]) -> None:
    first, *_ = names = table.names()
    with pytest.raises(ConfigError) as error:
        table.load(f"{first}x")
    assert str(error.value) == f"unknown {table.kind} '{first}x'; did you mean '{first}'?"
    with pytest.raises(ConfigError) as error:
        table.load("?")
    assert str(error.value) == f"unknown {table.kind} '?'; there are {', '.join(names)}"
