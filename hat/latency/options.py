"""The options that all stages share that measure: the network, the workload, the device."""

import argparse
from collections.abc import Sequence

import torch

from hat.arch.model_options import add_model_options, apply_architecture
from hat.cli.options import StageParser
from hat.cli.training_keys import TRAINING_KEYS
from hat.errors import ConfigError
from hat.latency.workload import PRECISIONS, Workload
from hat.models.config import SuperTransformerConfig, super_config_from_options
from hat.models.super_transformer import SuperTransformer
from hat.tasks.facts import default_src_len, task_facts
from hat.text.dictionaries import vocabulary_sizes

DEFAULT_VOCAB_SIZE = 10_000


DATASET_KEYS = frozenset(
    (
        "lat-dataset-path",
        "lat-dataset-size",
        "resume",
        "until-error",
        "lat-reference-every",
        "lat-patience",
    )
)
"""Keys of a latency dataset's YAML file that say nothing about how one architecture is timed."""


def measuring_parser(prog: str, description: str) -> StageParser:
    """Returns a parser with the options of network, data folder, device and workload."""
    parser = StageParser(
        prog=prog, description=description, ignored_keys=TRAINING_KEYS | DATASET_KEYS
    )
    model = parser.add_argument_group("network")
    model.add_argument("--arch", default="transformersuper", help="named architecture")
    add_model_options(model)
    model.add_argument("--data", help="data folder; only the sizes of its dictionaries are read")
    model.add_argument("--source-lang", help="source language")
    model.add_argument("--target-lang", help="target language")
    model.add_argument(
        "--vocab-size", type=int, nargs="+", help="source and target dictionary size, or one both"
    )
    parser.add_argument("--seed", type=int, default=1, help="random seed")

    device = parser.add_argument_group("device")
    for flag, value, text in (
        ("--latcpu", "cpu", "measure on the CPU"),
        ("--latgpu", "cuda", "measure on the GPU"),
        ("--cpu", "cpu", "the same as --latcpu"),
    ):
        device.add_argument(
            flag, dest="lat_device", action="store_const", const=value, default=None, help=text
        )
    device.add_argument("--lat-threads", type=int, help="CPU threads; default: torch's own choice")

    work = parser.add_argument_group("workload")
    work.add_argument("--lat-src-len", type=int, help="source tokens; default: by --arch, HAT's")
    work.add_argument("--lat-decode-steps", type=int, help="target tokens; default: source tokens")
    work.add_argument("--lat-batch-size", type=int, default=1, help="sentences at once")
    work.add_argument("--beam", type=int, default=5, help="hypotheses per sentence")
    work.add_argument("--lat-precision", choices=PRECISIONS, default="fp32", help="precision")
    work.add_argument("--lat-warmup", type=int, default=5, help="runs before the first timed one")
    work.add_argument("--latiter", type=int, default=300, help="timed runs; the cap with --lat-ci")
    work.add_argument("--lat-trim", type=float, default=0.1, help="share dropped at each end")
    work.add_argument(
        "--lat-ci",
        type=float,
        metavar="PERCENT",
        help="stop timing when the 95 %% confidence interval of the mean is within this",
    )
    work.add_argument("--latsilent", action="store_true", help="no line per architecture")
    return parser


def workload_from(options: argparse.Namespace, argv: Sequence[str] = ()) -> Workload:
    """Builds the workload. A device flag in ``argv`` beats those in YAML files."""
    device = options.lat_device
    for word in argv:
        device = {"--latcpu": "cpu", "--cpu": "cpu", "--latgpu": "cuda"}.get(word, device)
    if device is None:
        raise ConfigError("say where to measure: --latcpu or --latgpu")
    src_len = options.lat_src_len or default_src_len(options.arch)
    return Workload(
        device=device,
        src_len=src_len,
        decode_steps=options.lat_decode_steps or src_len,
        batch_size=options.lat_batch_size,
        beam=options.beam,
        precision=options.lat_precision,
        num_threads=torch.get_num_threads() if options.lat_threads is None else options.lat_threads,
        warmup_runs=options.lat_warmup,
        runs=options.latiter,
        trim_fraction=options.lat_trim,
        ci_percent=options.lat_ci,
    )


def super_transformer_from(options: argparse.Namespace) -> SuperTransformer:
    """Builds the SuperTransformer with random weights: latency does not depend on them."""
    return SuperTransformer(super_config_from(options)).eval()


def super_config_from(options: argparse.Namespace) -> SuperTransformerConfig:
    """Builds the SuperTransformer's configuration; says where the dictionary sizes come from."""
    apply_architecture(options, options.arch)
    source, target, where = _vocab_sizes(options)
    print(f"| dictionary sizes: {source} source, {target} target ({where})")
    return super_config_from_options(vars(options), src_vocab_size=source, tgt_vocab_size=target)


def _vocab_sizes(options: argparse.Namespace) -> tuple[int, int, str]:
    if options.vocab_size:
        if len(options.vocab_size) > 2 or min(options.vocab_size) < 8:
            raise ConfigError(
                f"--vocab-size takes one or two sizes of 8 and more, but found {options.vocab_size}"
            )
        return options.vocab_size[0], options.vocab_size[-1], "--vocab-size"
    if options.data:
        found = vocabulary_sizes(options.data, options.source_lang, options.target_lang)
        if found is not None:
            return *found, str(options.data)
    looked = f"there are no dictionaries in {options.data}" if options.data else "no data is named"
    facts = task_facts(options.arch)
    if facts is not None:
        return *facts.vocabulary, f"usual for {options.arch}, because {looked}"
    size = DEFAULT_VOCAB_SIZE
    return size, size, f"a guess, because {looked}: see --vocab-size"
