"""One elastic layer of the encoder."""

from torch import Tensor

from hat.modules.layer import LayerSuper


class EncoderLayerSuper(LayerSuper):
    """Self-attention and feed-forward network.

    HAT leaves the dropout at the full rate after the self-attention of the *encoder* (its decoder
    scales all three); here it shrinks there too, so training differs from HAT's there by
    intention. Evaluation does not.
    """

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x: (B, S, E) -> (B, S, E). ``mask``: as of an attention."""
        x = self.residual(x, self.self_attn_layer_norm, lambda y: self.self_attn(y, mask=mask))
        return self.residual(x, self.final_layer_norm, self.feed_forward)
