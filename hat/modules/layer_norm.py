"""Layer normalisation of elastic width."""

from torch import Tensor, nn
from torch.nn import functional as F

from hat.modules.slicing import check_active, leading


class LayerNormSuper(nn.LayerNorm):
    """Layer normalisation that can run over only the first elements of its width.

    Args:
        embed_dim: largest width.
    """

    def __init__(self, embed_dim: int) -> None:
        super().__init__(embed_dim)
        self.active_dim = embed_dim

    def set_sample_config(self, embed_dim: int) -> None:
        """Chooses the width of the next passes.

        Raises:
            ConfigError: if the layer is narrower than that.
        """
        check_active("LayerNormSuper", embed_dim=(embed_dim, self.normalized_shape[0]))
        self.active_dim = embed_dim

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., active_dim) -> (..., active_dim), normalised over the active width only."""
        dim = self.active_dim
        return F.layer_norm(x, (dim,), leading(self.weight, dim), leading(self.bias, dim), self.eps)
