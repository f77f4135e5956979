"""fairseq's copies of checkpoints are whole or absent, whenever a training is killed."""

import shutil
from pathlib import Path

import pytest

pytest.importorskip("fairseq")

from fairseq.checkpoint_utils import PathManager

import hat.fairseq_plugin  # noqa: F401  (puts our copy in the place of fairseq's)


def test_a_copy_that_is_interrupted_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "new.pt", tmp_path / "checkpoint_last.pt"
    source.write_bytes(b"new" * 1000)
    target.write_bytes(b"old")

    def half(source: str, target: str) -> None:
        Path(target).write_bytes(Path(source).read_bytes()[:5])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        for name in ("copyfile", "copy", "copy2"):
            patch.setattr(shutil, name, half)
        with pytest.raises(KeyboardInterrupt):
            PathManager.copy(str(source), str(target), overwrite=True)
    assert target.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint_last.pt", "new.pt"]
    PathManager.copy(str(source), str(target), overwrite=True)
    assert target.read_bytes() == source.read_bytes()


def test_a_copy_overwrites_only_if_it_shall(tmp_path: Path) -> None:
    source, target = tmp_path / "new.pt", tmp_path / "old.pt"
    source.write_bytes(b"new")
    target.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        PathManager.copy(str(source), str(target))
    assert target.read_bytes() == b"old"
