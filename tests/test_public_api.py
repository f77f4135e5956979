"""``import hat`` is light, and the README's calls work."""

import subprocess
import sys

import pytest

import hat


def test_import_is_light() -> None:
    code = "import sys, hat, hat.models.flops; print({'torch', 'fairseq'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", hat.__all__)
def test_public_names(name: str) -> None:
    assert getattr(hat, name) is not None
    assert name in dir(hat)


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'hat' has no attribute 'load_chekpoint'"):
        hat.load_chekpoint  # noqa: B018
