"""An encoder that runs a layer once for all architectures that share it and all before it."""

from torch import Tensor

from hat.arch.config import EncoderConfig
from hat.models.encoder import EncoderOutput, SuperEncoder
from hat.scoring.batches import Batch


def layer_genes(arch: EncoderConfig) -> tuple[tuple[int, ...], ...]:
    """Returns the width of an encoder, then the decisions of each layer from the first on.

    Sorted by it, architectures that share their first layers stand side by side.
    """
    return ((arch.embed_dim,), *zip(arch.ffn_dims, arch.self_heads, strict=True))


class SharedEncoder:
    """The encoder of a model on one batch, for one architecture after the other."""

    def __init__(self, encoder: SuperEncoder, batch: Batch) -> None:
        """Args: encoder: in evaluation mode; batch: what it encodes."""
        self._encoder = encoder
        self._batch = batch
        self._genes: tuple[tuple[int, ...], ...] = ()
        self._outputs: list[Tensor] = []
        """Of the embedding and of the layers of the last architecture."""

        self._padding_mask: Tensor | None = None
        self._mask: Tensor | None = None
        if batch.packing is not None:
            self._mask = batch.packing.source_mask
        elif (padding := encoder.padding(batch.src_tokens)) is not None:
            self._padding_mask = padding
            self._mask = padding.logical_not()[:, None, None, :]

    def output(self) -> EncoderOutput:
        """Encodes the batch with the architecture that the encoder is set to."""
        arch, packing = self._encoder.arch, self._batch.packing
        genes = layer_genes(arch)
        known = _common(genes, self._genes)
        del self._outputs[known:]
        if not self._outputs:
            places = None if packing is None else packing.source_positions
            is_padded = self._padding_mask is not None
            embedded = self._encoder.embed(
                self._batch.src_tokens, is_padded=is_padded, places=places
            )
            self._outputs.append(embedded)
        for index in range(len(self._outputs) - 1, arch.num_layers):
            layer = self._encoder.layer(index)
            self._outputs.append(layer(self._outputs[-1], self._mask))
        self._genes = genes
        return self._encoder.output(self._outputs[1:], self._padding_mask)


def _common(one: tuple[tuple[int, ...], ...], other: tuple[tuple[int, ...], ...]) -> int:
    """How many elements they begin with alike."""
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return index
    return min(len(one), len(other))
