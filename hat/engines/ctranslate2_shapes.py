"""Checks that the variables of a CTranslate2 model fit each other.

The library multiplies what it finds: with other shapes it reads beyond their ends, and with
numbers of heads or layers that are not there the process dies.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Variable:
    """One of a model."""

    shape: tuple[int, ...]
    whole: int
    """The value of a single whole number."""


def check_shapes(found: Mapping[str, Variable], words: tuple[int, int]) -> None:
    """Checks the variables of a network as hat writes it.

    Args:
        found: the variables by name.
        words: of source and target.

    Raises:
        ValueError: naming what is missing or of another shape.
    """
    network = _Network(found)
    source = network.embeddings("encoder/embeddings_0", words[0])
    target = network.embeddings("decoder/embeddings", words[1])
    network.side("encoder", source, None)
    layers = network.side("decoder", target, source)
    network.linear("decoder/projection", words[1], target, has_bias=False)
    layer = network.whole("decoder/alignment_layer", -layers)
    if layer >= layers:
        raise ValueError(f"decoder/alignment_layer is {layer}, but there are {layers} layers")


class _Network:
    def __init__(self, found: Mapping[str, Variable]) -> None:
        self._found = found

    def shape(self, name: str, *expected: int | None) -> tuple[int, ...]:
        """The shape of a variable, which must be the expected one; None: any."""
        if name not in self._found:
            raise ValueError(f"it has no {name}")
        shape = self._found[name].shape
        fits = len(shape) == len(expected) and all(
            size > 0 and want in (None, size) for size, want in zip(shape, expected, strict=True)
        )
        if not fits:
            sizes = ", ".join("any" if want is None else str(want) for want in expected)
            raise ValueError(f"{name} has shape {list(shape)}: expected [{sizes}]")
        return shape

    def whole(self, name: str, least: int) -> int:
        """A single whole number, at least ``least``."""
        self.shape(name)
        value = self._found[name].whole
        if value < least:
            raise ValueError(f"{name} is {value}: expected at least {least}")
        return value

    def linear(
        self, name: str, rows: int | None, columns: int, *, has_bias: bool = True
    ) -> tuple[int, ...]:
        """A product: its weights, what is added, and the scale of each row of whole numbers."""
        shape = self.shape(f"{name}/weight", rows, columns)
        if has_bias or f"{name}/bias" in self._found:
            self.shape(f"{name}/bias", shape[0])
        if f"{name}/weight_scale" in self._found:
            self.shape(f"{name}/weight_scale", shape[0])
        return shape

    def embeddings(self, name: str, words: int) -> int:
        """Vectors of words; returns their width."""
        _, width = self.shape(f"{name}/weight", words, None)
        if f"{name}/weight_scale" in self._found:
            self.shape(f"{name}/weight_scale", words)
        return width

    def norm(self, name: str, width: int) -> None:
        self.shape(f"{name}/gamma", width)
        self.shape(f"{name}/beta", width)

    def side(self, side: str, width: int, memory: int | None) -> int:
        """Encoder or decoder, which attends to a memory of a width; returns how many layers."""
        heads = self.whole(f"{side}/num_heads", 1)
        self.shape(f"{side}/position_encodings/encodings", None, width)
        if f"{side}/layer_norm/gamma" in self._found:
            self.norm(f"{side}/layer_norm", width)
        count = 0
        while f"{side}/layer_{count}/ffn/linear_0/weight" in self._found:
            layer = f"{side}/layer_{count}"
            inner, _ = self.linear(f"{layer}/ffn/linear_0", None, width)
            self.linear(f"{layer}/ffn/linear_1", width, inner)
            self.norm(f"{layer}/ffn/layer_norm", width)
            size = self._heads(f"{layer}/self_attention", heads)
            self.linear(f"{layer}/self_attention/linear_0", 3 * size, width)
            self.linear(f"{layer}/self_attention/linear_1", width, size)
            self.norm(f"{layer}/self_attention/layer_norm", width)
            if memory is not None:
                size = self._heads(f"{layer}/attention", heads)
                self.linear(f"{layer}/attention/linear_0", size, width)
                self.linear(f"{layer}/attention/linear_1", 2 * size, memory)
                self.linear(f"{layer}/attention/linear_2", width, size)
                self.norm(f"{layer}/attention/layer_norm", width)
            count += 1
        if not count:
            raise ValueError(f"its {side} has no layers")
        return count

    def _heads(self, name: str, heads: int) -> int:
        """The columns of all heads together."""
        kept = f"{name}/num_heads_kv"
        if kept in self._found and self.whole(kept, heads) != heads:
            raise ValueError(f"{kept} is {self._found[kept].whole}: expected {heads}")
        return heads * self.whole(f"{name}/head_dim", 1)
