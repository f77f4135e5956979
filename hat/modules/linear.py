"""A linear layer of elastic width."""

from torch import Tensor, nn

from hat.modules.products import linear
from hat.modules.slicing import check_active, leading


class LinearSuper(nn.Linear):
    """A linear layer that can run with only its first inputs and outputs.

    Weights start Xavier-uniform and biases at zero, as in fairseq's Transformer.

    Args:
        in_features: largest number of inputs.
        out_features: largest number of outputs.
        bias: whether to add a bias.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.active_in = in_features
        self.active_out = out_features

    def reset_parameters(self) -> None:
        """Draws new weights."""
        nn.init.xavier_uniform_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def set_sample_config(self, in_features: int, out_features: int) -> None:
        """Chooses how many inputs and outputs the next passes use.

        Raises:
            ConfigError: if the layer is smaller than that.
        """
        check_active(
            "LinearSuper",
            in_features=(in_features, self.in_features),
            out_features=(out_features, self.out_features),
        )
        self.active_in = in_features
        self.active_out = out_features

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., active_in) -> (..., active_out)."""
        weight = leading(self.weight, self.active_out, self.active_in)
        bias = None if self.bias is None else leading(self.bias, self.active_out)
        return linear(x, weight, bias)
