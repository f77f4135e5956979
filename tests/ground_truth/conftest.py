import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hat.arch.hat_yaml import load_space
from hat.arch.space import SearchSpace

ROOT = Path(__file__).parents[2]
SPACE = ROOT / "configs/conlang.qaa-qab/supertransformer/space0.yml"


@pytest.fixture
def space() -> SearchSpace:
    return load_space(SPACE)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Any, Any]]:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    monkeypatch.chdir(ROOT)
    import ground_truth
    import ranking
    from truth_recipes import RECIPES

    yield ground_truth, ranking, RECIPES["conlang"]
    for name in ("ground_truth", "ranking", "ranking_learned", "truth_recipes", "truth_training"):
        sys.modules.pop(name)
