"""One contender of ``bench/training.py``: trains when it is told to and says what that took.

Reads its settings as one line of JSON, then one line per turn with a number of updates, and
answers each with one line of JSON. It uses only what older versions of hat have too, so that an
older tree can be a contender.
"""

import json
import logging
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from fairseq import options, tasks
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.trainer import Trainer

from hat.fairseq_plugin.arguments import parse, training_parser
from hat.models.config import super_config_from_options
from hat.models.flops import cost

try:
    from hat.machine.heap import keep_freed_memory
except ImportError:  # an older tree

    def keep_freed_memory() -> bool:
        """Older trees give it back."""
        return False


class Contender:
    """A training that goes on update by update."""

    def __init__(self, settings: dict[str, Any]) -> None:
        torch.set_num_threads(settings["threads"])
        if settings["keeps_memory"]:
            keep_freed_memory()
        if settings.get("stock"):  # hat trains its own architectures only
            args = options.parse_args_and_arch(options.get_training_parser(), settings["words"])
            args.tpu = False  # bf16 means that to fairseq
        else:
            args = parse(training_parser, settings["words"])
        config = convert_namespace_to_omegaconf(args)
        torch.manual_seed(1)
        task = tasks.setup_task(config.task)
        model = task.build_model(config.model)
        criterion = task.build_criterion(config.criterion)
        task.load_dataset("train")
        self.trainer = Trainer(config, task, model, criterion)
        self.batches = self.trainer.get_train_iterator(1, load_dataset=False)
        self.queue: Any = iter(())
        size = len(task.source_dictionary)
        self.config = super_config_from_options(
            {**vars(args), "qkv_dim": args.encoder_embed_dim},
            src_vocab_size=size,
            tgt_vocab_size=size,
        )
        if settings["largest"] and getattr(model, "space", None) is not None:
            model.space = model.recipe = None  # nothing is drawn any more
            model.set_sample_config(self.config.largest_arch())
        self.arch = self.config.largest_arch()
        model.register_forward_pre_hook(self._see_arch)

    def _see_arch(self, model: Any, _: Any) -> None:
        self.arch = getattr(model, "arch", self.arch)

    def next_batch(self) -> dict[str, Any]:
        """The next batch, epoch after epoch."""
        for batch in self.queue:
            return batch  # type: ignore[no-any-return]
        self.trainer.begin_epoch(self.batches.next_epoch_idx)
        self.queue = iter(self.batches.next_epoch_itr(shuffle=True))
        return self.next_batch()

    def operations(self, batch: dict[str, Any]) -> float:
        """Of the update just made, without padding; a backward pass is two forward passes."""
        sentences = len(batch["target"])
        source = int(batch["net_input"]["src_lengths"].sum()) / sentences
        target = batch["ntokens"] / sentences
        # Mean lengths need not be whole: a count of operations is a polynomial in them.
        lengths: dict[str, Any] = {"src_len": source, "tgt_len": target}
        return 3 * sentences * cost(self.config, self.arch, **lengths).flops

    def turn(self, updates: int) -> dict[str, float]:
        """Makes some updates."""
        batches = [self.next_batch() for _ in range(updates)]
        on_gpu = torch.cuda.is_available()
        system = resource.getrusage(resource.RUSAGE_SELF).ru_stime
        wall_s = cpu_s = operations = loss = 0.0
        for batch in batches:
            wall, cpu = time.perf_counter(), time.process_time()
            loss = float(self.trainer.train_step([batch])["loss"])
            wall_s += time.perf_counter() - wall
            cpu_s += time.process_time() - cpu
            operations += self.operations(batch)
        if on_gpu:  # the last step of the optimizer still runs
            wall = time.perf_counter()
            torch.cuda.synchronize()
            wall_s += time.perf_counter() - wall
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "wall_s": wall_s,
            "cpu_s": cpu_s,
            "system_s": used.ru_stime - system,
            "peak_mb": used.ru_maxrss / 1024,
            "gpu_mb": torch.cuda.max_memory_allocated() / 2**20 if on_gpu else 0.0,
            "rss_mb": resident_mb(),
            "tokens": float(sum(batch["ntokens"] for batch in batches)),
            "operations": operations,
            "loss": loss,
        }


def resident_mb() -> float:
    """What this process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    """Serves turns until its input ends."""
    logging.disable(logging.INFO)
    warnings.simplefilter("ignore")
    answers, sys.stdout = sys.stdout, sys.stderr
    contender = Contender(json.loads(sys.stdin.readline()))
    for line in iter(sys.stdin.readline, ""):
        print(json.dumps(contender.turn(int(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
