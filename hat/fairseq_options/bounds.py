"""The range of each option that fairseq leaves open, and what only makes sense together.

``tests/fairseq_plugin/test_bounds.py`` sees to it that no number of fairseq's is forgotten.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hat.errors import ConfigError
from hat.settings import Above, AtLeast, Below, Between

Bounds = Sequence[Above | AtLeast | Below | Between]

LARGEST = 2**31 - 1
"""The largest whole number of any option but a seed: fairseq's C code has no room for more."""

_COUNTS = """
    max-tokens max-tokens-valid batch-size batch-size-valid update-freq log-interval
    required-seq-len-multiple required-batch-size-multiple distributed-world-size
    max-source-positions max-target-positions beam nbest max-len-b
    all-gather-list-size amp-init-scale amp-scale-window bucket-cap-mb checkpoint-shard-count
    distributed-num-procs ema-update-freq force-anneal fp16-init-scale fp16-scale-window
    localsgd-frequency lr-deacy-period max-valid-steps nprocs-per-node save-interval
    validate-interval data-buffer-size
"""
_NOT_NEGATIVE = """
    num-workers num-batch-buckets clip-norm weight-decay min-lr warmup-updates
    min-len max-len-a validate-after-updates
    adafactor-eps amp-batch-retries curriculum decay-steps device-id distributed-rank
    ema-start-update empty-cache-freq end-learning-rate hold-steps ignore-prefix-size init-lr-scale
    lr-patience lr-threshold max-epoch max-update no-repeat-ngram-size power
    save-interval-updates stop-time-hours validate-interval-updates warmup-steps
"""
_ABOVE_0 = """
    adadelta-eps adam-eps adamax-eps clip-threshold lr final-lr-scale min-loss-scale temperature
    threshold-loss-scale
"""
_FRACTIONS = """
    activation-dropout attention-dropout dropout adaptive-softmax-dropout
    adam-betas adamax-betas adadelta-rho beta1 ema-decay label-smoothing momentum slowmo-momentum
"""
_OFF_BY_MINUS_1 = """
    keep-best-checkpoints keep-interval-updates keep-last-epochs patience heartbeat-timeout
    warmup-init-lr lr-period-updates
"""

BOUNDS: Mapping[str, Bounds] = {
    **{key: (AtLeast(1),) for key in _COUNTS.split()},
    **{key: (AtLeast(0),) for key in _NOT_NEGATIVE.split()},
    **{key: (Above(0),) for key in _ABOVE_0.split()},
    **{key: (AtLeast(0), Below(1)) for key in _FRACTIONS.split()},
    **{key: (AtLeast(-1),) for key in _OFF_BY_MINUS_1.split()},
    "seed": (Between(0, 2**32 - 1),),
    "fixed-validation-seed": (Between(0, 2**32 - 1),),
    "distributed-port": (Between(-1, 65535),),
    "fp16-scale-tolerance": (Between(0, 1),),
    "decay-rate": (Below(0),),
    "lr-decay": (Above(0), Below(1)),
    "lr-shrink": (Between(0, 1),),
    "phase-ratio": (Between(0, 1),),
    "t-mult": (AtLeast(1),),
    "total-num-update": (Above(0),),
}
"""Of a list, the range of each value."""

_FREE = """
    diverse-beam-groups diverse-beam-strength diversity-rate eos lenpen pad
    sampling-topk sampling-topp stop-min-lr unk unkpen keep-interval-updates-pattern
    upsample-primary
"""
FREE = frozenset(_FREE.split())
"""Numbers without a range: refused elsewhere, without effect, or with a rule of their own below."""

OF_AVERAGE = {
    "ema-decay": 0.9999,
    "ema-start-update": 0,
    "ema-update-freq": 1,
    "ema-fp32": False,
    "ema-seed-model": None,
    "validate-ema": False,
}
"""What is set about the moving average of the weights, with its defaults."""

Place = Callable[[str], str]
"""Names an option, with file and line if a file gave it."""


def check_together(values: Mapping[str, Any], place: Place) -> None:
    """Checks what no option can say alone.

    Args:
        values: options by key.
        place: names an option.

    Raises:
        ConfigError: naming the option and the one that it contradicts.
    """
    for key in ("keep-interval-updates-pattern", "upsample-primary"):
        if (values.get(key) or 1) < -1 or values.get(key) == 0:
            raise ConfigError(f"{place(key)} must be -1 or at least 1, but found {values[key]}")
    if values.get("min-len", 0) > values.get("max-len-b", 0) and not values.get("max-len-a"):
        raise ConfigError(
            f"{place('min-len')} must be at most max-len-b, {values['max-len-b']}, but found "
            f"{values['min-len']}"
        )
    if values.get("nbest", 1) > values.get("beam", 1):
        raise ConfigError(
            f"{place('nbest')} must be at most beam, {values['beam']}, but found {values['nbest']}"
        )
    subsets = [name.strip() for name in (values.get("valid-subset") or "").split(",")]
    twice = next((name for name in subsets if subsets.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"{place('valid-subset')} names {twice!r} twice")
    if values.get("train-subset") in subsets:
        raise ConfigError(
            f"{place('train-subset')} must not be in valid-subset, {values['valid-subset']}: what "
            "was learned by heart says nothing"
        )
    for key, default in OF_AVERAGE.items():
        if values.get(key, default) != default and not values.get("store-ema"):
            raise ConfigError(f"{place(key)} has no effect without store-ema")
    _check_schedule(values, place)


def _check_schedule(values: Mapping[str, Any], place: Place) -> None:
    schedule, updates = values.get("lr-scheduler"), values.get("max-update") or 0
    warmup = values.get("warmup-updates") or 0
    peak, end = values.get("lr"), values.get("min-lr") or 0
    if schedule == "cosine" and isinstance(peak, list) and end >= max(peak):
        raise ConfigError(
            f"{place('min-lr')} must be below lr, {max(peak):g}, from which the learning rate "
            f"falls, but found {end:g}"
        )
    # A training that ends before is a trial of a few updates, and fairseq makes it.
    if schedule == "cosine" and values.get("lr-period-updates", -1) <= 0 < updates == warmup:
        raise ConfigError(
            f"{place('max-update')} must not be warmup-updates, {warmup}: the learning rate falls "
            "between the two"
        )
    if schedule == "polynomial_decay" and not (values.get("total-num-update") or updates):
        raise ConfigError(
            "lr-scheduler polynomial_decay needs total-num-update or max-update above 0"
        )
    if schedule == "inverse_sqrt" and warmup == 0 and "warmup-updates" in values:
        raise ConfigError(
            f"{place('warmup-updates')} must be at least 1 for lr-scheduler inverse_sqrt, but "
            "found 0"
        )
