from pathlib import Path

import pytest

from hat.arch.hat_yaml import load_space
from hat.arch.space import SearchSpace

SPACE = Path(__file__).parents[3] / "configs/conlang.qaa-qab/supertransformer/space0.yml"


@pytest.fixture
def space() -> SearchSpace:
    return load_space(SPACE)
