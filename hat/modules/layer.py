"""What an elastic layer of the encoder and one of the decoder have in common."""

from collections.abc import Callable

from torch import Tensor, nn

from hat.modules.activations import ACTIVATIONS
from hat.modules.attention import MultiheadAttentionSuper
from hat.modules.dropout import dropout
from hat.modules.layer_norm import LayerNormSuper
from hat.modules.linear import LinearSuper


class LayerSuper(nn.Module):
    """Self-attention and feed-forward network, each with residual, dropout and layer norm.

    All dropout rates but that of the attention weights shrink with the sampled width.

    Args:
        embed_dim: largest width.
        ffn_dim: largest inner width of the feed-forward network.
        num_heads: heads until ``set_sample_config`` says otherwise.
        qkv_dim: joint width of all heads.
        encoder_embed_dim: largest width of what a second attention, between the other two blocks,
            attends to; None leaves it out.
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
        encoder_embed_dim: int | None = None,
        normalize_before: bool = False,
        dropout_p: float = 0.0,
        attention_dropout_p: float = 0.0,
        activation_dropout_p: float = 0.0,
        activation_fn: str = "relu",
    ) -> None:
        super().__init__()
        # Optimizers number the parameters in the order of these lines: checkpoints rely on it.
        self.self_attn = MultiheadAttentionSuper(
            embed_dim, num_heads, qkv_dim=qkv_dim, dropout_p=attention_dropout_p
        )
        self.self_attn_layer_norm = LayerNormSuper(embed_dim)
        if encoder_embed_dim is not None:
            self.encoder_attn = MultiheadAttentionSuper(
                embed_dim,
                num_heads,
                memory_dim=encoder_embed_dim,
                qkv_dim=qkv_dim,
                dropout_p=attention_dropout_p,
            )
            self.encoder_attn_layer_norm = LayerNormSuper(embed_dim)
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

    def residual(
        self, x: Tensor, norm: LayerNormSuper, block: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """x: (B, T, E) -> (B, T, E): ``x`` plus what ``block`` makes of it, normalised once."""
        y = block(norm(x) if self.normalize_before else x)
        x = self._dropout(y, self.dropout_p, residual=x)
        return x if self.normalize_before else norm(x)  # type: ignore[no-any-return]

    def feed_forward(self, x: Tensor) -> Tensor:
        """x: (B, T, E) -> (B, T, E): the feed-forward network alone."""
        x = self._dropout(self.activation(self.fc1(x)), self.activation_dropout_p)
        return self.fc2(x)  # type: ignore[no-any-return]

    def _dropout(self, x: Tensor, full_p: float, residual: Tensor | None = None) -> Tensor:
        return dropout(x, full_p * self.dropout_scale, training=self.training, residual=residual)
