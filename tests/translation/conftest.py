"""Random networks and sentences, and what fairseq's own generator makes of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hat.arch.config import DecoderConfig, EncoderConfig, SubTransformerConfig
from hat.models.config import SuperTransformerConfig
from hat.translation.beam import BeamSearch, BeamSettings, Hypothesis
from hat.translation.torch_runner import TorchRunner
from tests.models.conftest import randomise

PAD, EOS = 1, 2


def random_arch(rng: np.random.Generator, config: SuperTransformerConfig) -> SubTransformerConfig:
    """A SubTransformer with other widths, heads and spans in every layer."""
    encoder_layers = int(rng.integers(1, config.encoder_layers + 1))
    decoder_layers = int(rng.integers(1, config.decoder_layers + 1))

    def drawn(choices: Sequence[int], count: int) -> tuple[int, ...]:
        return tuple(rng.choice(choices, count).tolist())

    return SubTransformerConfig(
        encoder=EncoderConfig(
            embed_dim=int(rng.choice([16, 24, config.encoder_embed_dim])),
            ffn_dims=drawn([16, 32, 48], encoder_layers),
            self_heads=drawn([1, 2, 4, 8], encoder_layers),
        ),
        decoder=DecoderConfig(
            embed_dim=int(rng.choice([16, 24, config.decoder_embed_dim])),
            ffn_dims=drawn([16, 32, 48], decoder_layers),
            self_heads=drawn([1, 2, 4, 8], decoder_layers),
            ende_heads=drawn([1, 2, 4, 8], decoder_layers),
            ende_spans=drawn([1, 2, 3], decoder_layers),
        ),
    )


def random_sentences(
    rng: np.random.Generator, count: int, vocab_size: int, *, left_pad: bool = True
) -> Tensor:
    """(count, S) tokens with an end, padded."""
    lengths = rng.integers(2, 14, count).tolist()
    table = torch.full((count, max(lengths)), PAD)
    for row, length in zip(table, lengths, strict=True):
        start = table.size(1) - length if left_pad else 0
        words = rng.integers(4, vocab_size, length - 1).tolist()
        row[start : start + length] = torch.tensor([*words, EOS])
    return table


def fairseq_model(
    config: SuperTransformerConfig, arch: SubTransformerConfig | None = None, seed: int = 0
) -> Any:
    """A random network that fairseq's generator accepts."""
    from hat.fairseq_plugin.model import TransformerSuperModel

    model = TransformerSuperModel(config)
    randomise(model, seed)
    model.set_sample_config(model.size if arch is None else arch)
    return model


@torch.inference_mode()
def fairseq_n_best(model: Any, source: Tensor, settings: BeamSettings) -> list[list[Hypothesis]]:
    """The n-best lists of fairseq's generator."""
    from fairseq.data import Dictionary
    from fairseq.sequence_generator import SequenceGenerator

    words = Dictionary()
    for index in range(model.config.tgt_vocab_size - len(words)):
        words.add_symbol(f"w{index}")
    generator = SequenceGenerator(
        [model],
        words,
        beam_size=settings.beam,
        max_len_a=settings.max_len_a,
        max_len_b=settings.max_len_b,
        min_len=settings.min_len,
        len_penalty=settings.lenpen,
        unk_penalty=settings.unkpen,
    )
    net_input = {"src_tokens": source, "src_lengths": source.ne(PAD).sum(1)}
    found = generator.generate([model], {"net_input": net_input})
    return [
        [
            Hypothesis(
                tuple(each["tokens"].tolist()),
                float(each["score"]),
                tuple(each["positional_scores"].tolist()),
            )
            for each in n_best[: settings.nbest]
        ]
        for n_best in found
    ]


def our_n_best(model: Any, source: Tensor, settings: BeamSettings) -> list[list[Hypothesis]]:
    """The same by our own search."""
    return BeamSearch(TorchRunner(model), settings)(source)


def assert_same(
    ours: Sequence[Sequence[Hypothesis]], theirs: Sequence[Sequence[Hypothesis]]
) -> None:
    """Word for word, in the same order, and the scores to 1e-5 (of a token: of its sum, 3e-5)."""
    assert len(ours) == len(theirs)
    for mine, reference in zip(ours, theirs, strict=True):
        assert [each.tokens for each in mine] == [each.tokens for each in reference]
        for one, other in zip(mine, reference, strict=True):
            assert abs(one.score - other.score) < 1e-5
            np.testing.assert_allclose(one.token_scores, other.token_scores, atol=3e-5)
