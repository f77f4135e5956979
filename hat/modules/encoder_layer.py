"""One elastic layer of the encoder."""

from torch import Tensor, nn
from torch.nn import functional as F

from hat.modules.activations import ACTIVATIONS
from hat.modules.attention import MultiheadAttentionSuper
from hat.modules.layer_norm import LayerNormSuper
from hat.modules.linear import LinearSuper


class EncoderLayerSuper(nn.Module):
    """Self-attention and feed-forward network, each with residual, dropout and layer norm.

    Dropout shrinks with the sampled width. HAT leaves it at the full rate after the
    self-attention of the *encoder* (its decoder scales all three); here it shrinks there too,
    so training differs from HAT's there by intention. Evaluation does not.

    Args:
        embed_dim: largest width.
        ffn_dim: largest inner width of the feed-forward network.
        num_heads: heads until ``set_sample_config`` says otherwise.
        qkv_dim: joint width of all heads.
        normalize_before: pre-norm (True) or post-norm (False).
        dropout_p: dropout after each block at full width.
        attention_dropout_p: dropout of attention weights.
        activation_dropout_p: dropout after the activation at full width.
        activation_fn: a name of ``ACTIVATIONS``.
    """

    def __init__(
        self,
        embed_dim: int,
        ffn_dim: int,
        *,
        num_heads: int,
        qkv_dim: int,
        normalize_before: bool = False,
        dropout_p: float = 0.0,
        attention_dropout_p: float = 0.0,
        activation_dropout_p: float = 0.0,
        activation_fn: str = "relu",
    ) -> None:
        super().__init__()
        self.self_attn = MultiheadAttentionSuper(
            embed_dim, num_heads, qkv_dim=qkv_dim, dropout_p=attention_dropout_p
        )
        self.self_attn_layer_norm = LayerNormSuper(embed_dim)
        self.fc1 = LinearSuper(embed_dim, ffn_dim)
        self.fc2 = LinearSuper(ffn_dim, embed_dim)
        self.final_layer_norm = LayerNormSuper(embed_dim)
        self.activation = ACTIVATIONS[activation_fn]
        self.normalize_before = normalize_before
        self.dropout_p = dropout_p
        self.activation_dropout_p = activation_dropout_p
        self.dropout_scale = 1.0

    def set_sample_config(
        self, *, embed_dim: int, ffn_dim: int, self_heads: int, dropout_scale: float
    ) -> None:
        """Chooses the shape of the next passes.

        Args:
            embed_dim: width of the residual stream.
            ffn_dim: inner width of the feed-forward network.
            self_heads: heads of the self-attention.
            dropout_scale: sampled over full width; multiplies the dropout rates.

        Raises:
            ConfigError: if the layer is smaller than that.
        """
        self.self_attn.set_sample_config(embed_dim, self_heads)
        self.self_attn_layer_norm.set_sample_config(embed_dim)
        self.fc1.set_sample_config(embed_dim, ffn_dim)
        self.fc2.set_sample_config(ffn_dim, embed_dim)
        self.final_layer_norm.set_sample_config(embed_dim)
        self.dropout_scale = dropout_scale

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x: (B, S, E) -> (B, S, E). ``mask``: as of an attention."""
        residual = x
        if self.normalize_before:
            x = self.self_attn_layer_norm(x)
        x = residual + self._dropout(self.self_attn(x, mask=mask))
        if not self.normalize_before:
            x = self.self_attn_layer_norm(x)

        residual = x
        if self.normalize_before:
            x = self.final_layer_norm(x)
        x = self.activation(self.fc1(x))
        x = F.dropout(x, self.activation_dropout_p * self.dropout_scale, self.training)
        x = residual + self._dropout(self.fc2(x))
        if not self.normalize_before:
            x = self.final_layer_norm(x)
        return x

    def _dropout(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout_p * self.dropout_scale, self.training)
