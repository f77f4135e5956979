"""The options of a search: HAT's, and which algorithm, scorer and finish."""

import argparse

from hat.errors import ConfigError
from hat.search.algorithms import ALGORITHMS
from hat.search.deliver import DeliverySettings

BYTES_PER_PARAMETER = {"fp32": 4, "bf16": 2, "fp16": 2}
STATIC_SCORERS = ("params", "flops", "encoder_depth", "decoder_depth", "decoder_depth_then_params")
FREE_SCORERS = ("epsinas", *STATIC_SCORERS)
"""Those that need neither trained weights nor data."""
SCORERS = ("inherited-loss", "bleu", "bleu-greedy", "table", *FREE_SCORERS)
RANK_SCORERS = ("bleu", "bleu-greedy", *FREE_SCORERS)


def add_search_options(parser: argparse.ArgumentParser) -> None:
    """Adds HAT's search options and ours."""
    group = parser.add_argument_group("search")
    group.add_argument("--search-algorithm", choices=ALGORITHMS.names(), default="evolution")
    group.add_argument("--evo-iter", type=int, default=30, help="rounds")
    group.add_argument("--population-size", type=int, default=125)
    group.add_argument("--parent-size", type=int, default=25)
    group.add_argument("--mutation-size", type=int, default=50)
    group.add_argument("--crossover-size", type=int, default=50)
    group.add_argument("--mutation-prob", type=float, default=0.3, help="per gene")
    group.add_argument("--write-config-path", help="YAML file for the winner")
    group.add_argument(
        "--search-dir",
        help="folder for trials.jsonl, the state of the search and its report; a search that was "
        "stopped goes on from there (default: the winner's path with .search for its suffix)",
    )
    _add_scorers(parser)
    _add_limits(parser)
    group.add_argument(
        "--race-error",
        type=float,
        default=0.05,
        metavar="CHANCE",
        help="a candidate is dropped before it is scored on all sentences if the chance that it "
        "belongs to the parents is smaller; 0: score everybody on everything",
    )
    group.add_argument(
        "--race-tolerance",
        type=float,
        default=0.004,
        metavar="BITS",
        help="what a parent may be worse than the right one, and the standard error of its loss; "
        "0: parents are scored on all sentences",
    )
    finish = parser.add_argument_group("finish of the search")
    finish.add_argument(
        "--measure-finalists",
        type=int,
        default=3,
        metavar="K",
        help="measure the best K here, and drop or repair what misses the limit; 0: measure none",
    )
    finish.add_argument(
        "--measure-margin",
        type=float,
        default=0.02,
        help="part of the limit that a measured latency must stay away from it",
    )
    finish.add_argument(
        "--measure-repeats",
        type=int,
        default=5,
        metavar="N",
        help="measure each finalist until a 95 %% confidence bound of its mean is below the limit "
        "or it is surely above, but at most N times; 1: the first figure counts as it is",
    )
    finish.add_argument(
        "--measure-patience",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="how long to wait, in total, for a machine that is slower or faster than it was for "
        "the predictor's dataset",
    )
    finish.add_argument(
        "--contest-seeds",
        type=int,
        nargs="*",
        metavar="SEED",
        help="search again with these seeds, and at the same cost by chance and by size (default: "
        "the two that follow --seed, which are too few for a verdict: it takes four; none: no "
        "contest)",
    )
    finish.add_argument(
        "--rank-sample",
        type=int,
        default=100,
        metavar="N",
        help="candidates on which every scorer's ranking is compared with the inherited loss; "
        "0: no comparison",
    )
    finish.add_argument(
        "--rank-scorers",
        choices=RANK_SCORERS,
        nargs="+",
        default=list(FREE_SCORERS),
        metavar="NAME",
        help=f"which scorers: {', '.join(RANK_SCORERS)} (default: those that need no weights)",
    )


def _add_scorers(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what a search goes by")
    group.add_argument("--scorer", choices=SCORERS, default="inherited-loss")
    group.add_argument(
        "--scorer-table",
        metavar="CSV",
        help="for --scorer table: a file with an architecture a line, the only ones to choose from",
    )
    group.add_argument("--scorer-column", metavar="NAME", help="its column with the scores")
    group.add_argument(
        "--bleu-sentences",
        type=int,
        metavar="N",
        help="translate so many sentences of --valid-subset, drawn once (default: all)",
    )
    group.add_argument(
        "--bleu-beam", type=int, default=5, help="for --scorer bleu and for --retrain-top"
    )
    group.add_argument(
        "--bleu-lenpen", type=float, default=1.0, help="for --scorer bleu and for --retrain-top"
    )
    group.add_argument(
        "--warm-up",
        type=int,
        default=0,
        metavar="N",
        help="choose the first population from N random candidates by --screen-by",
    )
    group.add_argument(
        "--moves",
        type=int,
        default=1,
        metavar="M",
        help="choose each later candidate from M by --screen-by",
    )
    group.add_argument(
        "--screen-by",
        choices=FREE_SCORERS,
        default="epsinas",
        help="score without training that chooses what is scored for real",
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("limits of the search, as many as there are")
    group.add_argument(
        "--ckpt-path", nargs="+", metavar="FILE", help="latency predictor, one for each device"
    )
    group.add_argument(
        "--feature-norm",
        type=float,
        nargs="+",
        help="only for HAT's predictors; ten numbers for all of them or for each",
    )
    group.add_argument(
        "--lat-norm",
        type=float,
        nargs="+",
        help="only for HAT's predictors; one number for all of them or for each",
    )
    group.add_argument(
        "--latency-constraint",
        nargs="+",
        metavar="LIMIT",
        help="one for each predictor: milliseconds per sentence, or a percentage of the largest "
        "one's latency: 60%%",
    )
    group.add_argument(
        "--latency-confidence",
        type=float,
        default=0.95,
        help="a candidate fits if its measured latency stays under the limit this often",
    )
    group.add_argument(
        "--params-constraint",
        metavar="LIMIT",
        help="parameters, embeddings included: 20M, or a percentage of the largest one's",
    )
    group.add_argument(
        "--flops-constraint",
        metavar="LIMIT",
        help="FLOPs of one sentence, the output layer included: 1.5G or 60%%",
    )
    group.add_argument(
        "--bytes-constraint",
        metavar="LIMIT",
        help="bytes of all parameters in --bytes-precision: 40MB, 40MiB or 60%%",
    )
    group.add_argument("--bytes-precision", choices=sorted(BYTES_PER_PARAMETER), default="fp32")


def require_limit(args: argparse.Namespace) -> None:
    """Checks that the search has a limit, and a latency limit its predictor.

    Raises:
        ConfigError: if not.
    """
    if args.ckpt_path or args.latency_constraint:
        require(args, "ckpt_path", "latency_constraint")
    elif all(getattr(args, f"{kind}_constraint") is None for kind in ("params", "flops", "bytes")):
        raise ConfigError(
            "a search needs a limit: --latency-constraint with --ckpt-path, --params-constraint, "
            "--flops-constraint or --bytes-constraint"
        )


def reads_data(args: argparse.Namespace) -> bool:
    """Says whether the scorer of the search reads ``--valid-subset``."""
    return args.scorer not in (*FREE_SCORERS, "table")


def delivery_settings(args: argparse.Namespace) -> DeliverySettings:
    """Returns how many finalists are measured, how often, and how close they may come."""
    # With 0 nothing is measured and these settings are not asked for.
    return DeliverySettings(
        keep=max(1, args.measure_finalists),
        margin=args.measure_margin,
        repeats=args.measure_repeats,
    )


def contest_seeds(args: argparse.Namespace) -> tuple[int, ...]:
    """Returns the seeds of the contest, the search's own first; none if there shall be none."""
    further = args.contest_seeds
    if further is None:
        further = [args.seed + 1, args.seed + 2]
    # The same seed twice is no second run.
    return tuple(dict.fromkeys((args.seed, *further))) if further else ()


def require(args: argparse.Namespace, *names: str) -> None:
    """Checks that options without a default were given.

    Raises:
        ConfigError: naming the first that is missing.
    """
    for name in names:
        if getattr(args, name) is None:
            raise ConfigError(f"--{name.replace('_', '-')} is missing")
