"""fairseq's imports and options are no business of who calls from Python."""

import logging
import subprocess
import sys
import warnings

import pytest
import torch

pytest.importorskip("fairseq")

from hat.fairseq_plugin.arguments import generation_parser, parse
from hat.fairseq_plugin.quiet import fairseq_config, logging_left_alone


def test_importing_fairseq_leaves_logging_alone():
    code = "import logging, hat.fairseq_plugin.model as _; root = logging.getLogger()"
    code += "; import gc; print(root.level, root.handlers, gc.isenabled())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{logging.WARNING} [] True"


@pytest.mark.skipif(torch.accelerator.is_available(), reason="torch warns without one")
def test_torch_does_not_warn_of_what_fairseq_asks_for():
    code = "import hat.fairseq_plugin; from torch.utils.data import DataLoader"
    code += "; print(list(DataLoader([1], pin_memory=True)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("[tensor([1])]", "")


def test_what_was_set_up_before_stays():
    root, handler = logging.getLogger(), logging.NullHandler()
    root.addHandler(handler)
    level = root.level
    with logging_left_alone():
        root.setLevel(logging.DEBUG)
        root.removeHandler(handler)
        root.addHandler(logging.StreamHandler())
    assert root.level == level and handler in root.handlers
    root.removeHandler(handler)
    assert not any(type(other) is logging.StreamHandler for other in root.handlers)


def test_options_become_fairseqs_without_a_warning():
    options = parse(generation_parser, ["data", "--beam=3"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fairseq_config(options).generation.beam == 3
