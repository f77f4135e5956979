"""What the outcome of a search depends on: all of its options, and the content of what it reads."""

import argparse
from collections.abc import Collection, Mapping
from typing import Any

from hat.option_conditions import option_conditions
from hat.version import __version__

FILES = ("restore_file", "ckpt_path", "scorer_table")
"""Options whose files a search reads. The data folder's are digested apart."""

EXEMPT: Mapping[str, Collection[str]] = {
    "it names what is written or printed": (
        *("write_config_path", "search_dir", "save_dir"),
        *("no_progress_bar", "log_interval", "log_format", "log_file", "tensorboard_logdir"),
        *("wandb_project", "azureml_logging", "aim_repo", "aim_run_hash"),
    ),
    "more rounds continue a search": ("evo_iter",),
    "it only matters after the search, where nothing is reused without a check of its own": (
        *("measure_margin", "measure_repeats", "measure_patience"),
        *("contest_seeds", "rank_sample", "rank_scorers"),
        *("retrain_top", "retrain_configs", "retrain_seeds", "retrain_subset"),
        *("retrain_metric", "retrain_ref"),
    ),
    "what follows from it counts instead: limits, devices, precision, digests": (
        *("latency_constraint", "params_constraint", "flops_constraint", "bytes_constraint"),
        *("cpu", "tpu", "fp16", "bf16", "data", "source_lang", "target_lang"),
        "measure_finalists",
    ),
    "it spreads the work over processes": (
        *("distributed_world_size", "distributed_num_procs", "distributed_rank"),
        *("distributed_backend", "distributed_init_method", "distributed_port"),
        *("distributed_no_spawn", "device_id", "nprocs_per_node", "num_workers"),
    ),
    "it says which checkpoints a training keeps": (
        *("save_interval", "save_interval_updates", "keep_interval_updates"),
        *("keep_interval_updates_pattern", "keep_last_epochs", "keep_best_checkpoints"),
        *("no_save", "no_epoch_checkpoints", "no_last_checkpoints", "no_save_optimizer_state"),
        "write_checkpoints_asynchronously",
    ),
}
"""Options that cannot change the outcome of a search, by the reason why. All others count."""

READ_BY: Mapping[str, Collection[str]] = {"bleu_beam": ("bleu",), "bleu_lenpen": ("bleu",)}
"""Options that only these values of ``--scorer`` read; otherwise they are for what follows."""


def exempt_options(scorer: str) -> frozenset[str]:
    """Returns the options that cannot change the outcome of a search by ``scorer``."""
    unread = {name for name, scorers in READ_BY.items() if scorer not in scorers}
    return frozenset(unread.union(*EXEMPT.values()))


def search_conditions(
    args: argparse.Namespace, *, derived: Mapping[str, Any], data: Mapping[str, str]
) -> dict[str, Any]:
    """Returns everything that decides the outcome of a search, but for its length.

    Args:
        args: all options, as parsed.
        derived: what follows from options that do not count themselves, such as the limits.
        data: digests of what is read of the data folder, by what it is.

    Raises:
        HatError: if a file cannot be read.
    """
    return {
        "hat": __version__,
        **option_conditions(vars(args), exempt=exempt_options(args.scorer), files=FILES),
        **derived,
        **{f"content of data ({name})": digest for name, digest in data.items()},
    }
