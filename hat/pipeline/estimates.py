"""How long a training will take on a machine where it never ran, by the rates of its processor."""

from hat.arch.config import SubTransformerConfig
from hat.pipeline.plan import Plan
from hat.text.dictionaries import vocabulary_sizes
from hat.yaml_reader import Entry

_REACHED = 0.35
"""The part of the rate of large products that a training of small ones reaches."""

_WORDS = 10_000
"""Of a dictionary that is not there yet."""


def training_seconds(plan: Plan, stage: str, gflops: float) -> float | None:
    """Estimates a training step; None for other steps, and where updates or batches are not given.

    A training multiplies each weight with each token of a batch three times, forward and back, two
    operations each. The SuperTransformer, and a winner that is not found yet, count as half way
    between the smallest and the largest SubTransformer.

    Args:
        plan: of the step.
        stage: what steps of its kind are called.
        gflops: rate of the processor's large products in the precision of the training.
    """
    key = {
        "train-supertransformer": "supertransformer",
        "train-subtransformer": "subtransformer",
        "train-largest": "subtransformer",
    }.get(stage)
    if key is None:
        return None
    entries = plan.file.entries(key)
    numbers = [entries.get(key) for key in ("max-update", "max-tokens", "qkv-dim")]
    if not all(numbers):
        return None
    updates, tokens, qkv = (entry.number() for entry in numbers if entry is not None)
    words = _vocabulary(plan, entries)
    space = plan.space
    sizes = [weights(arch, int(qkv), words) for arch in (space.smallest(), space.largest())]
    size = sizes[1] if stage == "train-largest" else sum(sizes) / 2
    return updates * 6 * size * tokens * _update_freq(entries) / (gflops * 1e9 * _REACHED)


def weights(arch: SubTransformerConfig, qkv: int, words: int) -> float:
    """Weights of products, the output layer's among them; biases and norms are left out."""
    encoder, decoder = arch.encoder, arch.decoder
    total = sum(4 * encoder.embed_dim * qkv + 2 * encoder.embed_dim * f for f in encoder.ffn_dims)
    total += sum(8 * decoder.embed_dim * qkv + 2 * decoder.embed_dim * f for f in decoder.ffn_dims)
    return total + decoder.embed_dim * words


def _vocabulary(plan: Plan, entries: dict[str, Entry]) -> int:
    languages = [entries[key].text() for key in ("source-lang", "target-lang") if key in entries]
    if len(languages) == 2 and (plan.data / f"dict.{languages[1]}.txt").is_file():
        found = vocabulary_sizes(plan.data, languages[0], languages[1])
        return found[1] if found else _WORDS
    if plan.text and "vocabulary" in plan.text:
        return int(plan.text["vocabulary"].number())
    return _WORDS


def _update_freq(entries: dict[str, Entry]) -> float:
    entry = entries.get("update-freq")
    return float(entry.scalars()[0].text) if entry else 1.0
