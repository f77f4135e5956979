"""How fast the SuperTransformer trains and decodes beside fairseq's own Transformer.

Usage: ``OMP_NUM_THREADS=1 python bench/super_transformer.py [--rounds 9]``

Both networks have the same size and get batches of the same shape. Times are CPU time of one
thread, and the contenders take turns, so that other processes disturb little; the first round is
not counted. Prints the median and the range of each in milliseconds, then one line of JSON.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from fairseq.data import Dictionary
from fairseq.models.transformer import TransformerModel, base_architecture
from torch.nn import functional as F

from hat.arch.config import SubTransformerConfig
from hat.models.config import SuperTransformerConfig
from hat.models.decoder import DecoderCache
from hat.models.extract import extract
from hat.models.super_transformer import SuperTransformer

VOCAB, WIDTH, FFN, LAYERS, HEADS = 8000, 256, 1024, 3, 4
BATCH, LENGTH, BEAM = 16, 20, 5
PAD = 1

Step = Callable[[], None]


def fairseq_model() -> TransformerModel:
    """The Transformer of fairseq, with one dictionary and one embedding."""
    dictionary = Dictionary()
    for index in range(VOCAB - len(dictionary)):
        dictionary.add_symbol(f"word{index}")
    options = argparse.Namespace(
        encoder_embed_dim=WIDTH,
        encoder_ffn_embed_dim=FFN,
        encoder_layers=LAYERS,
        encoder_attention_heads=HEADS,
        decoder_layers=LAYERS,
        decoder_attention_heads=HEADS,
        share_all_embeddings=True,
        max_source_positions=1024,
        max_target_positions=1024,
    )
    base_architecture(options)
    task = argparse.Namespace(source_dictionary=dictionary, target_dictionary=dictionary)
    return TransformerModel.build_model(options, task)


def hat_model() -> SuperTransformer:
    """A SuperTransformer of the same size."""
    return SuperTransformer(
        SuperTransformerConfig(
            src_vocab_size=VOCAB,
            tgt_vocab_size=VOCAB,
            encoder_embed_dim=WIDTH,
            encoder_ffn_dim=FFN,
            encoder_layers=LAYERS,
            encoder_heads=HEADS,
            decoder_embed_dim=WIDTH,
            decoder_ffn_dim=FFN,
            decoder_layers=LAYERS,
            decoder_heads=HEADS,
            qkv_dim=WIDTH,
            share_all_embeddings=True,
        )
    )


def three_quarters(largest: SubTransformerConfig) -> SubTransformerConfig:
    """The architecture of three quarters of all widths."""
    width, ffn_dims = WIDTH * 3 // 4, (FFN * 3 // 4,) * LAYERS
    return SubTransformerConfig(
        encoder=replace(largest.encoder, embed_dim=width, ffn_dims=ffn_dims),
        decoder=replace(largest.decoder, embed_dim=width, ffn_dims=ffn_dims),
    )


def random_tokens(rows: int, *, pad: bool) -> torch.Tensor:
    """(rows, LENGTH) tokens; every second row has padding on the left if ``pad``."""
    tokens = torch.randint(4, VOCAB, (rows, LENGTH))
    if pad:
        tokens[::2, : LENGTH // 4] = PAD
    return tokens


def training(model: torch.nn.Module, arch: SubTransformerConfig | None, *, pad: bool) -> Step:
    """Forward and backward pass of one batch."""
    src_tokens = random_tokens(BATCH, pad=pad)
    lengths = src_tokens.ne(PAD).sum(1)
    prev, target = random_tokens(BATCH, pad=False), random_tokens(BATCH, pad=False)

    def step() -> None:
        model.train()
        if isinstance(model, SuperTransformer):
            model.set_sample_config(model.size if arch is None else arch)
        model.zero_grad(set_to_none=True)
        output = model(src_tokens, lengths, prev)
        logits = output[0] if isinstance(output, tuple) else output
        F.cross_entropy(logits.view(-1, VOCAB), target.view(-1)).backward()  # type: ignore[no-untyped-call]

    return step


@torch.no_grad()
def decode_fairseq(model: TransformerModel) -> None:
    """Incremental decoding of one sentence with a beam, reordered at each step."""
    model.eval()
    tokens, order = random_tokens(BEAM, pad=False), torch.arange(BEAM)
    source = random_tokens(1, pad=False)
    encoder_out = model.encoder(source, torch.tensor([LENGTH]))
    encoder_out = model.encoder.reorder_encoder_out(encoder_out, torch.zeros_like(order))
    state: dict[str, dict[str, torch.Tensor | None]] = {}
    for end in range(1, LENGTH + 1):
        model.decoder(tokens[:, :end], encoder_out=encoder_out, incremental_state=state)
        model.decoder.reorder_incremental_state_scripting(state, order)


@torch.no_grad()
def decode_hat(model: SuperTransformer) -> None:
    """The same with the SuperTransformer."""
    model.eval()
    model.set_sample_config(model.size)
    tokens, order = random_tokens(BEAM, pad=False), torch.arange(BEAM)
    source = random_tokens(1, pad=False)
    encoder_out = model.encoder(source).index_select(torch.zeros_like(order))
    cache = DecoderCache()
    for end in range(1, LENGTH + 1):
        model.decoder(tokens[:, :end], encoder_out, cache)
        cache.reorder(order, same_sources=True)


def main() -> None:
    """Times all contenders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="timed rounds")
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    torch.manual_seed(0)
    theirs, ours = fairseq_model(), hat_model()
    small = three_quarters(ours.size)
    extracted = extract(ours, small)
    contenders: dict[str, Step] = {
        "train, fairseq": training(theirs, None, pad=False),
        "train, hat": training(ours, None, pad=False),
        "train padded, fairseq": training(theirs, None, pad=True),
        "train padded, hat": training(ours, None, pad=True),
        "train padded, hat 3/4": training(ours, small, pad=True),
        "train padded, hat 3/4 extracted": training(extracted, None, pad=True),
        "decode, fairseq": lambda: decode_fairseq(theirs),
        "decode, hat": lambda: decode_hat(ours),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds + 1):
        for name, step in contenders.items():
            start = time.process_time()
            step()
            times[name].append(1e3 * (time.process_time() - start))
    medians = {}
    for name, values in times.items():
        timed = values[1:]
        medians[name] = round(statistics.median(timed), 1)
        print(f"{name:32} {medians[name]:8.1f} ms  [{min(timed):.1f} .. {max(timed):.1f}]")
    print(json.dumps({"median_ms": medians, "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main()
