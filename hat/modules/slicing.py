"""Cutting the first rows and columns out of a weight."""

from torch import Tensor

from hat.errors import ConfigError


def leading(weight: Tensor, *sizes: int) -> Tensor:
    """Returns the leading block of ``weight`` with the given ``sizes``, one per dimension.

    A block as large as the weight is the weight itself: the backward pass of a slice, even of a
    full one, allocates and fills a second gradient of the full size.
    """
    for dim, size in enumerate(sizes):
        if size != weight.size(dim):
            weight = weight.narrow(dim, 0, size)
    return weight


def check_active(owner: str, **active_and_size: tuple[int, int]) -> None:
    """Checks that each ``name=(active, size)`` has ``1 <= active <= size``.

    Raises:
        ConfigError: naming ``owner`` and the first width that does not fit.
    """
    for name, (active, size) in active_and_size.items():
        if not 1 <= active <= size:
            raise ConfigError(f"{owner}: {name} must lie in 1..{size}, but found {active}")
