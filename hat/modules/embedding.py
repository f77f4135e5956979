"""A token embedding of elastic width."""

from torch import Tensor, nn
from torch.nn import functional as F

from hat.modules.slicing import check_active, leading


def draw_vectors(weight: Tensor) -> None:
    """Fills the rows of a (V, E) weight: normal with deviation E^-0.5, as in fairseq's Transformer.

    Weights that are shapes alone stay so: to fill these, torch imports its compiler for a second.
    """
    if not weight.is_meta:
        nn.init.normal_(weight, mean=0.0, std=weight.shape[1] ** -0.5)


class EmbeddingSuper(nn.Embedding):
    """A token embedding of which only the first columns may be used.

    The width is an argument of each call and not a state, because encoder, decoder and output
    layer may share one embedding at different widths.

    Args:
        num_embeddings: size V of the vocabulary.
        embedding_dim: largest width.
        padding_idx: token whose vector is zero and gets no gradient.
    """

    padding_idx: int

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx)

    def reset_parameters(self) -> None:
        """Draws new vectors."""
        draw_vectors(self.weight)
        self._fill_padding_idx_with_zero()

    def forward(self, tokens: Tensor, embed_dim: int | None = None) -> Tensor:
        """tokens: (B, S) -> (B, S, embed_dim); the full width if ``embed_dim`` is None."""
        # Looking up whole rows and cutting them is cheaper than the other way round: the
        # gradient is then cut at (B, S, E) and not at (V, E).
        vectors = F.embedding(tokens, self.weight, self.padding_idx)
        return vectors if embed_dim is None else vectors[..., :embed_dim]

    def output_weight(self, embed_dim: int) -> Tensor:
        """The (V, embed_dim) matrix for an output layer that shares this embedding.

        Raises:
            ConfigError: if the embedding is narrower than that.
        """
        check_active("EmbeddingSuper", embed_dim=(embed_dim, self.embedding_dim))
        return leading(self.weight, self.num_embeddings, embed_dim)
