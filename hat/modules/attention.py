"""Multi-head attention with an elastic width and an elastic number of heads."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hat.errors import ConfigError
from hat.modules.head_products import PARTS, attend_by_head
from hat.modules.linear import LinearSuper
from hat.modules.products import linear
from hat.modules.slicing import check_active, leading, row_blocks

# cuDNN's attention, torch's first choice for fp16 and bf16 on recent GPUs, makes a plan for every
# new shape. Architectures and sentences bring a new one in nearly every call, and the plans cost
# many times the attention. torch's other kernels need none.
torch.backends.cuda.enable_cudnn_sdp(False)


class MultiheadAttentionSuper(nn.Module):
    """Multi-head attention whose input widths and number of heads can shrink.

    The joint width ``qkv_dim`` of all heads is fixed, so fewer heads are wider heads. Where
    queries and memory have the same full width, the three projections share ``in_proj_weight``
    of shape (3 * qkv_dim, embed_dim); otherwise there are ``q_proj_weight``, ``k_proj_weight``
    and ``v_proj_weight``. The bias is one ``in_proj_bias`` in both cases, as in HAT.

    Args:
        embed_dim: largest width of queries and output.
        num_heads: heads until ``set_sample_config`` says otherwise.
        memory_dim: largest width of what is attended to; ``embed_dim`` if None.
        qkv_dim: joint width of all heads; ``embed_dim`` if None.
        dropout_p: dropout of the attention weights. It does not shrink with the width.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        *,
        memory_dim: int | None = None,
        qkv_dim: int | None = None,
        dropout_p: float = 0.0,
    ) -> None:
        super().__init__()
        self.embed_dim = embed_dim
        self.memory_dim = embed_dim if memory_dim is None else memory_dim
        self.qkv_dim = embed_dim if qkv_dim is None else qkv_dim
        self.dropout_p = dropout_p
        self.has_joint_weight = self.embed_dim == self.memory_dim
        if self.has_joint_weight:
            self.in_proj_weight = nn.Parameter(torch.empty(3 * self.qkv_dim, embed_dim))
        else:
            self.q_proj_weight = nn.Parameter(torch.empty(self.qkv_dim, embed_dim))
            self.k_proj_weight = nn.Parameter(torch.empty(self.qkv_dim, self.memory_dim))
            self.v_proj_weight = nn.Parameter(torch.empty(self.qkv_dim, self.memory_dim))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * self.qkv_dim))
        self.out_proj = LinearSuper(self.qkv_dim, embed_dim)
        self.reset_parameters()
        self.set_sample_config(embed_dim, num_heads, memory_dim=self.memory_dim)

    def reset_parameters(self) -> None:
        """Draws new weights: Xavier-uniform, biases zero."""
        for name, parameter in self.named_parameters(recurse=False):
            if name.endswith("weight"):
                nn.init.xavier_uniform_(parameter)
        nn.init.zeros_(self.in_proj_bias)
        self.out_proj.reset_parameters()

    def set_sample_config(
        self, embed_dim: int, num_heads: int, *, memory_dim: int | None = None
    ) -> None:
        """Chooses the widths and the number of heads of the next passes.

        Args:
            embed_dim: width of queries and output.
            num_heads: heads; they must divide ``qkv_dim``.
            memory_dim: width of what is attended to; ``embed_dim`` if None.

        Raises:
            ConfigError: if a width is too large or the heads do not divide ``qkv_dim``.
        """
        memory_dim = embed_dim if memory_dim is None else memory_dim
        check_active(
            "MultiheadAttentionSuper",
            embed_dim=(embed_dim, self.embed_dim),
            memory_dim=(memory_dim, self.memory_dim),
        )
        if num_heads < 1 or self.qkv_dim % num_heads:
            raise ConfigError(f"qkv_dim ({self.qkv_dim}) must be divisible by {num_heads} heads")
        self.active_dim = embed_dim
        self.active_memory_dim = memory_dim
        self.num_heads = num_heads
        self.out_proj.set_sample_config(self.qkv_dim, embed_dim)

    def project_self(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x: (B, T, E) -> queries, keys and values of the same tokens, each (B, H, T, K)."""
        query, key, value = self._split_heads(self.packed_self(x), 3)
        return query, key, value

    def project_query(self, x: Tensor) -> Tensor:
        """x: (B, T, E) -> queries (B, H, T, K)."""
        (projected,) = self.packed_cross(x, None)
        return self._split_heads(projected, 1)[0]

    def project_memory(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """memory: (B, S, E_memory) -> keys and values, each (B, H, S, K)."""
        projected = self.packed_cross(None, memory)
        parts = 2 // len(projected)
        key, value = (part for x in projected for part in self._split_heads(x, parts))
        return key, value

    def packed_self(self, x: Tensor) -> Tensor:
        """x: (B, T, E) -> queries, keys and values side by side, (B, T, 3 * H * K)."""
        weight = leading(self.in_proj_weight, 3 * self.qkv_dim, self.active_dim)
        return linear(x, weight, self.in_proj_bias)

    def packed_cross(self, x: Tensor | None, memory: Tensor | None) -> tuple[Tensor, ...]:
        """Projects what there is of the two sides; both at once cost the least in training.

        Args:
            x: (B, T, E).
            memory: (B, S, E_memory).

        Returns:
            Queries (B, T, H * K), then keys and values side by side in one or apart in two.
        """
        of_queries, *of_memory = self._cross_weights()
        queries = () if x is None else (linear(x, *of_queries),)
        if memory is None:
            return queries
        return (*queries, *(linear(memory, *weights) for weights in of_memory))

    def _cross_weights(self) -> tuple[tuple[Tensor, Tensor], ...]:
        """Weight and bias for the queries, then those for keys and values, together or apart."""
        qkv, dim, memory_dim = self.qkv_dim, self.active_dim, self.active_memory_dim
        rows: tuple[int, ...]
        if self.has_joint_weight:
            rows = (qkv, 2 * qkv)
            weights = row_blocks(self.in_proj_weight, rows, dim, memory_dim)
        else:
            rows = (qkv, qkv, qkv)
            weights = (
                leading(self.q_proj_weight, qkv, dim),
                leading(self.k_proj_weight, qkv, memory_dim),
                leading(self.v_proj_weight, qkv, memory_dim),
            )
        return tuple(zip(weights, row_blocks(self.in_proj_bias, rows), strict=True))

    def attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Attends and projects back to the residual stream.

        Args:
            query: (B, H, T, K).
            key: (B, H, S, K).
            value: (B, H, S, K).
            mask: broadcastable to (B, H, T, S): boolean, True where a query may look, or numbers
                that are added to the scores.
            is_causal: query t sees the keys up to t only; excludes ``mask``.

        Returns:
            (B, T, E).
        """
        heads = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=mask,
            dropout_p=self.dropout_p if self.training else 0.0,
            is_causal=is_causal,
        )
        return self.out_proj(heads.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """x: (B, T, E), attending to memory (B, S, E_memory) or to itself -> (B, T, E).

        ``mask`` and ``is_causal`` are as in ``attend``.
        """
        if memory is None:
            packed: tuple[Tensor, ...] = (self.packed_self(x),)
        else:
            packed = self.packed_cross(x, memory)
        if packed[0].device.type == "cpu" and packed[0].requires_grad:
            heads = attend_by_head(
                packed,
                self.num_heads,
                mask=_added_to_scores(mask, x.size(1) if is_causal else 0, packed[0]),
                dropout_p=self.dropout_p if self.training else 0.0,
            )
            return self.out_proj(heads)  # type: ignore[no-any-return]
        query, key, value = (
            part
            for projected, count in zip(packed, PARTS[len(packed)], strict=True)
            for part in self._split_heads(projected, count)
        )
        return self.attend(query, key, value, mask=mask, is_causal=is_causal)

    def _split_heads(self, x: Tensor, parts: int) -> list[Tensor]:
        """x: (B, T, parts * H * K) -> each part as (B, H, T, K)."""
        split = x.view(x.size(0), x.size(1), parts, self.num_heads, -1)
        return [part.transpose(1, 2) for part in split.unbind(2)]


def _added_to_scores(mask: Tensor | None, causal_length: int, like: Tensor) -> Tensor | None:
    """A mask in numbers: 0 where a query may look, -inf elsewhere."""
    if causal_length > 1:
        shape = (causal_length, causal_length)
        return like.new_full(shape, -torch.inf, requires_grad=False).triu_(1)
    if mask is None or mask.dtype != torch.bool:
        return mask
    return like.new_zeros(mask.shape).masked_fill_(mask.logical_not(), -torch.inf)
