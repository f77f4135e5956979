"""The source of fairseq is the pinned one, and is patched where a coming torch would break it."""

import importlib.metadata
import importlib.util
import tarfile
from pathlib import Path

import pytest

from hat.cli.main import main as hat
from hat.commands import build_fairseq
from hat.commands.build_fairseq import BUILT_VERSION, PATCHES, Patch, apply, unpack
from hat.errors import DataError


def archive(folder: Path) -> Path:
    (folder / "x.py").write_text("torch.cuda.amp.autocast(enabled=True)\n")
    path = folder / "fairseq.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder / "x.py", arcname="fairseq/x.py")
    return path


def test_another_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected SHA-256 c607577a.*, but found [0-9a-f]{64}"):
        unpack(archive(tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_pinned_source_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    path = archive(tmp_path)
    monkeypatch.setattr(build_fairseq, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    assert (unpack(path, tmp_path / "out") / "x.py").is_file()


def test_a_patch_changes_one_place_or_fails(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("a(1)\nb(1)\n")
    apply(Patch("x.py", "a(", "c("), tmp_path)
    assert path.read_text() == "c(1)\nb(1)\n"
    for old, count in (("a(", 0), ("(1)", 2)):
        with pytest.raises(DataError, match=f"once, found {count}"):
            apply(Patch("x.py", old, "d("), tmp_path)
    assert path.read_text() == "c(1)\nb(1)\n"


def test_the_installed_fairseq_is_the_pinned_release_and_patched_if_it_says_so() -> None:
    spec = importlib.util.find_spec("fairseq")
    if spec is None or spec.origin is None:
        pytest.skip("fairseq is not installed")
    version = importlib.metadata.version(build_fairseq.NAME)
    assert version.partition("+")[0] == build_fairseq.VERSION
    root = Path(spec.origin).parents[1]
    for patch in PATCHES:
        if patch.file.endswith(".txt"):
            continue  # not part of what is installed
        text = (root / patch.file).read_text(encoding="utf-8")
        is_patched = version == BUILT_VERSION
        there, gone = (patch.new, patch.old) if is_patched else (patch.old, patch.new)
        # What is put in may hold what was there, and what only goes is nowhere to be found.
        assert there in text and (gone in there or f"\n{gone}" not in f"\n{text}"), patch.file


def test_torch_has_what_the_patches_call() -> None:
    import torch

    with torch.amp.autocast("cuda", enabled=False):
        pass
    assert not torch.amp.GradScaler("cuda", enabled=False).is_enabled()


def test_build_tools_that_are_missing_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        build_fairseq.importlib.util, "find_spec", lambda name: None if name == "Cython" else name
    )
    with pytest.raises(SystemExit) as end:
        hat(["build-fairseq", str(tmp_path / "wheels")])
    assert end.value.code == 2 and not (tmp_path / "wheels").exists()
    assert "building fairseq needs Cython: pip install" in capsys.readouterr().err
