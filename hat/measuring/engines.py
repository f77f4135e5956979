"""The engine that a workload names, and the sentence that every engine is timed on."""

from dataclasses import replace

from hat.arch.config import SubTransformerConfig
from hat.engines import ENGINES
from hat.engines.base import DUMMY_WORD, END_IDX, Engine
from hat.errors import ConfigError
from hat.latency.workload import Workload
from hat.models.config import SuperTransformerConfig
from hat.settings import from_values


def engine_of(workload: Workload) -> Engine:
    """Returns the engine that runs networks as a workload says.

    Raises:
        ConfigError: if there is none of that name, or it lacks the precision.
    """
    part = ENGINES.load(workload.engine)
    values = {
        "precision": workload.precision,
        "threads": workload.num_threads if workload.device == "cpu" else None,
        "int8_range": workload.int8_range,
    }
    try:
        return part.build(from_values(part.Settings, values))
    except ConfigError as error:
        raise ConfigError(f"the engine {workload.engine}: {error}") from None


def check_engine(
    workload: Workload, config: SuperTransformerConfig, arch: SubTransformerConfig
) -> None:
    """Checks, before work that takes long, that a workload's engine can run a network here.

    Raises:
        ConfigError: naming the package that is missing, what cannot be represented, or sentences
            longer than the network takes.
    """
    check_length(workload, config)
    engine_of(workload).check(config, arch)


def check_length(workload: Workload, config: SuperTransformerConfig) -> None:
    """Checks that a network takes sentences as long as a workload's.

    Raises:
        ConfigError: naming the length and the longest there is.
    """
    for key, length, longest in (
        ("lat-src-len", workload.src_len, config.max_source_positions),
        ("lat-decode-steps", workload.decode_steps, config.max_target_positions),
    ):
        if length > longest:
            raise ConfigError(
                f"{key} must be at most {longest}, the longest sentence that the network "
                f"takes, but found {length}"
            )


def settled(workload: Workload) -> Workload:
    """Returns the workload with what its engine adds here: its version, and a range of int8.

    HAT's way of running networks, ``eager``, has torch's version, which stands with the device.

    Raises:
        ConfigError: if the engine is not installed or lacks the precision.
    """
    engine = engine_of(workload)
    if workload.is_hats_engine:
        return workload
    signed = engine.signature()
    return replace(
        workload,
        engine_version=str(signed["version"]),
        int8_range=workload.int8_range or signed.get("int8-range"),
    )


def source_tokens(workload: Workload) -> list[list[int]]:
    """Returns HAT's dummy sentences: an end-of-sentence token, and words that do not matter."""
    row = [END_IDX] + [DUMMY_WORD] * (workload.src_len - 1)
    return [row for _ in range(workload.batch_size)]
