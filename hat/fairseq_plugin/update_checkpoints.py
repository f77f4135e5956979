"""The checkpoint of an update that is an epoch's last one is written like every other.

fairseq writes ``checkpoint_EPOCH_UPDATE.pt`` every ``--save-interval-updates``, but not where an
epoch ends, whether or not it writes the epoch's own. The last N of them would then be others than
those that were asked for, and their average another one (fairseq's issue 2230).
"""

from pathlib import Path
from typing import Any

from fairseq import checkpoint_utils
from fairseq.file_io import PathManager

_fairseq_s = checkpoint_utils.save_checkpoint


class _Midst:
    """An epoch's iterator that does not tell of the epoch's end."""

    def __init__(self, iterator: Any) -> None:
        self._iterator = iterator

    def __getattr__(self, name: str) -> Any:
        return getattr(self._iterator, name)

    @staticmethod
    def end_of_epoch() -> bool:
        return False


def save_checkpoint(cfg: Any, trainer: Any, epoch_itr: Any, val_loss: Any) -> Any:
    """Saves what fairseq saves, and the checkpoint of the update where an epoch ends with it."""
    saved = _fairseq_s(cfg, trainer, epoch_itr, val_loss)
    updates, interval = trainer.get_num_updates(), cfg.save_interval_updates
    if cfg.no_save or interval <= 0 or updates % interval or not epoch_itr.end_of_epoch():
        return saved
    if not trainer.should_save_checkpoint_on_current_rank:
        return saved
    if saved is None:  # neither the epoch's checkpoint nor the last one nor the best is wanted
        return _fairseq_s(cfg, trainer, _Midst(epoch_itr), None)
    name = f"checkpoint_{epoch_itr.epoch}_{updates}{trainer.checkpoint_suffix}.pt"
    PathManager.copy(saved, str(Path(cfg.save_dir) / name), overwrite=True)
    _leave_the_newest(cfg, trainer.checkpoint_suffix)
    return saved


def _leave_the_newest(cfg: Any, suffix: str) -> None:
    """Removes checkpoints of updates as ``--keep-interval-updates`` says."""
    if cfg.keep_interval_updates <= 0:
        return
    found = checkpoint_utils.checkpoint_paths(
        cfg.save_dir, pattern=rf"checkpoint_\d+_(\d+){suffix}\.pt", keep_match=True
    )
    pattern = cfg.keep_interval_updates_pattern
    removable = [path for path, update in found if pattern == -1 or update % pattern != 0]
    for path in removable[cfg.keep_interval_updates :]:
        Path(path).unlink()


checkpoint_utils.save_checkpoint = save_checkpoint
