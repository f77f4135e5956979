"""What a search needs, small: a corpus, an untrained SuperTransformer and a latency predictor."""

from pathlib import Path

import pytest
import torch

from hat.arch.hat_yaml import space_from_options
from hat.arch.space import SearchSpace
from hat.cli.options import read_yaml
from hat.latency.workload import Workload
from hat.measuring.device import device_name
from tests.fairseq_plugin.conftest import corpus, space_yml  # noqa: F401  (fixtures)
from tests.latency.conftest import fitted, simulated


@pytest.fixture(scope="session")
def search_space(space_yml: Path) -> SearchSpace:  # noqa: F811
    entries = read_yaml(space_yml)
    return space_from_options({key: entry.value for key, entry in entries.items()}, "test")


@pytest.fixture(scope="session")
def supernet(tmp_path_factory: pytest.TempPathFactory, space_yml: Path) -> Path:  # noqa: F811
    """A checkpoint that was never trained."""
    pytest.importorskip("fairseq")
    from hat.fairseq_plugin.arguments import parse, training_parser
    from hat.fairseq_plugin.loading import build_task
    from hat.fairseq_plugin.model import TransformerSuperModel

    args = parse(training_parser, [f"--configs={space_yml}"])
    torch.manual_seed(0)
    model = TransformerSuperModel.build_model(args, build_task(args))
    path = tmp_path_factory.mktemp("supernet") / "checkpoint_best.pt"
    torch.save({"args": args, "model": model.state_dict()}, path)
    return path


@pytest.fixture(scope="session")
def predictor_pt(tmp_path_factory: pytest.TempPathFactory, search_space: SearchSpace) -> Path:
    """A predictor for this machine, of a workload that takes milliseconds to measure."""
    predictor = fitted("additive", simulated(search_space, 60)).predictor
    workload = Workload(src_len=3, decode_steps=2, beam=1, runs=3, warmup_runs=0)
    predictor.facts = {"workload": workload.to_dict(), "device": device_name("cpu")}
    path = tmp_path_factory.mktemp("predictor") / "here.pt"
    predictor.save(path)
    return path
