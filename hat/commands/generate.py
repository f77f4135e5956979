"""``generate.py``: translate a split by beam search and print fairseq-generate's log."""

import argparse
import sys
from collections.abc import Sequence

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import ARCH_KEYS, arch_from_mapping, arch_to_mapping
from hat.arch.model_options import add_model_options
from hat.cli.console import command, print_result, set_up_logging
from hat.cli.training_keys import TRAINING_KEYS
from hat.conditions import file_digest, mapping_digest
from hat.errors import ConfigError
from hat.signature import signature


def _add_options(parser: argparse.ArgumentParser) -> None:
    add_model_options(parser, only=("subtransformer",))


def _arch(args: argparse.Namespace) -> SubTransformerConfig | None:
    given = {key: getattr(args, key.replace("-", "_"), None) for key in ARCH_KEYS}
    if all(value is None for value in given.values()):
        return None
    return arch_from_mapping(given, "the SubTransformer's options")


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``generate.py``."""
    set_up_logging("WARNING")
    import torch
    from fairseq.dataclass.utils import convert_namespace_to_omegaconf

    from hat.fairseq_plugin.arguments import check_data_folder, generation_parser, parse
    from hat.fairseq_plugin.data_folder import dictionaries_digest, subset_digest
    from hat.fairseq_plugin.generation import translate
    from hat.fairseq_plugin.loading import build_task, load_model

    args = parse(
        generation_parser, argv or [], add_options=_add_options, ignored_keys=TRAINING_KEYS
    )
    if not args.path:
        raise ConfigError("which checkpoint translates? give --path")
    check_data_folder(vars(args))
    cfg = convert_namespace_to_omegaconf(args)
    task = build_task(args)
    arch = _arch(args)
    model = load_model(args.path, task, arch)
    if torch.cuda.is_available() and not args.cpu:
        model.cuda()
        if args.fp16:
            model.half()
    count = 0
    for translation in translate(
        model,
        task,
        args.gen_subset,
        generation=cfg.generation,
        max_tokens=args.max_tokens,
        max_sentences=args.batch_size,
        post_process=args.post_process,
        show_progress=sys.stderr.isatty() and not args.no_progress_bar,
    ):
        count += 1
        if not args.quiet:
            print("\n".join(translation.log_lines()))
    print_result(
        {
            "sentences": count,
            "subset": args.gen_subset,
            "signature": signature(
                stage="generate",
                checkpoint=file_digest(args.path),
                subtransformer=None if arch is None else mapping_digest(arch_to_mapping(arch)),
                dictionaries=dictionaries_digest(task),
                data=subset_digest(task, args.gen_subset),
                subset=args.gen_subset,
                beam=args.beam,
                lenpen=args.lenpen,
            ),
        }
    )
