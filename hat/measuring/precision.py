"""Whether this machine computes right, and fast, at the precision of a workload."""

import functools
import logging

from hat.errors import ConfigError
from hat.latency.workload import Workload
from hat.machine.instructions import FULL, REDUCED, in_hardware, int8_range

logger = logging.getLogger(__name__)


def check_precision(workload: Workload) -> None:
    """Checks that this machine computes right at a workload's precision; a slow one is said once.

    Raises:
        ConfigError: if int8 products over the workload's range would be wrong here.
    """
    if workload.device != "cpu":
        return
    if workload.int8_range == FULL and int8_range() == REDUCED:
        raise ConfigError(
            "the workload is int8 over the full range, but without VNNI instructions such products "
            "overflow: what is measured on this machine has int8_range reduced"
        )
    if workload.precision in ("bf16", "fp16") and not in_hardware(workload.precision):
        _say_slow(workload.precision)


@functools.cache
def _say_slow(precision: str) -> None:
    logger.warning(
        "%s is not in this machine's hardware: its latency is measured all the same, but products "
        "are faster in fp32 here",
        precision,
    )
