"""The search space: which SubTransformers exist, and how to draw one."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields

import numpy as np

from hat.arch.config import (
    MAX_LAYERS,
    MAX_SPAN,
    MAX_WIDTH,
    DecoderConfig,
    EncoderConfig,
    SubTransformerConfig,
)
from hat.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """One tuple of choices per decision, each strictly decreasing: the largest comes first.

    Per-layer decisions (feed-forward widths, heads, spans) are made for each layer on its own.
    """

    encoder_embed_dims: tuple[int, ...]
    decoder_embed_dims: tuple[int, ...]
    encoder_layer_nums: tuple[int, ...]
    decoder_layer_nums: tuple[int, ...]
    encoder_ffn_dims: tuple[int, ...]
    decoder_ffn_dims: tuple[int, ...]
    encoder_self_heads: tuple[int, ...]
    decoder_self_heads: tuple[int, ...]
    decoder_ende_heads: tuple[int, ...]
    decoder_ende_spans: tuple[int, ...] = (1,)

    def __post_init__(self) -> None:
        for field in fields(self):
            choices = getattr(self, field.name)
            if not choices:
                raise ConfigError(f"{field.name} is empty: a search space needs a choice of each")
            for choice in choices:
                if isinstance(choice, bool) or not isinstance(choice, int) or choice <= 0:
                    raise ConfigError(
                        f"{field.name} must hold positive integers, but found {choice!r}"
                    )
            most = MAX_LAYERS if field.name.endswith("_layer_nums") else MAX_WIDTH
            if max(choices) > most:
                raise ConfigError(
                    f"{field.name} must be at most {most:,}, but found {max(choices):,}"
                )
            if len(set(choices)) != len(choices):
                raise ConfigError(f"{field.name} names a choice twice: {list(choices)}")
            ordered = tuple(sorted(choices, reverse=True))
            object.__setattr__(self, field.name, ordered)
        if self.decoder_ende_spans[0] > MAX_SPAN:
            raise ConfigError(
                f"decoder_ende_spans must lie in 1..{MAX_SPAN}, "
                f"but found {self.decoder_ende_spans[0]}"
            )

    @property
    def max_encoder_layers(self) -> int:
        """Depth of the deepest encoder."""
        return self.encoder_layer_nums[0]

    @property
    def max_decoder_layers(self) -> int:
        """Depth of the deepest decoder."""
        return self.decoder_layer_nums[0]

    def sample(self, rng: np.random.Generator) -> SubTransformerConfig:
        """Draws one architecture: every decision uniformly and independently, as HAT does.

        Depth comes first, so shallow and deep architectures are equally likely even though
        there are far fewer shallow ones.
        """

        def one(choices: tuple[int, ...]) -> int:
            return choices[int(rng.integers(len(choices)))]

        def many(choices: tuple[int, ...], count: int) -> tuple[int, ...]:
            return tuple(choices[i] for i in rng.integers(len(choices), size=count))

        encoder_layers = one(self.encoder_layer_nums)
        decoder_layers = one(self.decoder_layer_nums)
        return SubTransformerConfig(
            encoder=EncoderConfig(
                embed_dim=one(self.encoder_embed_dims),
                ffn_dims=many(self.encoder_ffn_dims, encoder_layers),
                self_heads=many(self.encoder_self_heads, encoder_layers),
            ),
            decoder=DecoderConfig(
                embed_dim=one(self.decoder_embed_dims),
                ffn_dims=many(self.decoder_ffn_dims, decoder_layers),
                self_heads=many(self.decoder_self_heads, decoder_layers),
                ende_heads=many(self.decoder_ende_heads, decoder_layers),
                ende_spans=many(self.decoder_ende_spans, decoder_layers),
            ),
        )

    def largest(self) -> SubTransformerConfig:
        """The architecture with the largest choice of every decision."""
        return self._extreme(0)

    def smallest(self) -> SubTransformerConfig:
        """The architecture with the smallest choice of every decision."""
        return self._extreme(-1)

    def _extreme(self, index: int) -> SubTransformerConfig:
        encoder_layers = self.encoder_layer_nums[index]
        decoder_layers = self.decoder_layer_nums[index]
        return SubTransformerConfig(
            encoder=EncoderConfig(
                embed_dim=self.encoder_embed_dims[index],
                ffn_dims=(self.encoder_ffn_dims[index],) * encoder_layers,
                self_heads=(self.encoder_self_heads[index],) * encoder_layers,
            ),
            decoder=DecoderConfig(
                embed_dim=self.decoder_embed_dims[index],
                ffn_dims=(self.decoder_ffn_dims[index],) * decoder_layers,
                self_heads=(self.decoder_self_heads[index],) * decoder_layers,
                ende_heads=(self.decoder_ende_heads[index],) * decoder_layers,
                ende_spans=(self.decoder_ende_spans[index],) * decoder_layers,
            ),
        )

    def check(self, arch: SubTransformerConfig) -> None:
        """Checks that ``arch`` belongs to this space.

        Raises:
            ConfigError: naming the first decision that is not among the choices.
        """
        encoder, decoder = arch.encoder, arch.decoder
        decisions = (
            ("encoder.embed_dim", (encoder.embed_dim,), self.encoder_embed_dims),
            ("encoder.num_layers", (encoder.num_layers,), self.encoder_layer_nums),
            ("encoder.ffn_dims", encoder.ffn_dims, self.encoder_ffn_dims),
            ("encoder.self_heads", encoder.self_heads, self.encoder_self_heads),
            ("decoder.embed_dim", (decoder.embed_dim,), self.decoder_embed_dims),
            ("decoder.num_layers", (decoder.num_layers,), self.decoder_layer_nums),
            ("decoder.ffn_dims", decoder.ffn_dims, self.decoder_ffn_dims),
            ("decoder.self_heads", decoder.self_heads, self.decoder_self_heads),
            ("decoder.ende_heads", decoder.ende_heads, self.decoder_ende_heads),
            ("decoder.ende_spans", decoder.ende_spans, self.decoder_ende_spans),
        )
        for name, values, choices in decisions:
            for value in values:
                if value not in choices:
                    raise ConfigError(
                        f"{name} = {value} is not in the search space; "
                        f"the choices are {list(choices)}"
                    )

    def size(self) -> int:
        """The exact number of architectures in the space."""
        encoder_layer = len(self.encoder_ffn_dims) * len(self.encoder_self_heads)
        decoder_layer = math.prod(
            len(choices)
            for choices in (
                self.decoder_ffn_dims,
                self.decoder_self_heads,
                self.decoder_ende_heads,
                self.decoder_ende_spans,
            )
        )
        encoders = sum(encoder_layer**depth for depth in self.encoder_layer_nums)
        decoders = sum(decoder_layer**depth for depth in self.decoder_layer_nums)
        widths = len(self.encoder_embed_dims) * len(self.decoder_embed_dims)
        return int(widths * encoders * decoders)

    def fingerprint(self) -> str:
        """Eight hexadecimal digits that change when any choice changes; for signatures."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]
