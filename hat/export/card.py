"""The model card: what an exported folder is and how good, large and fast it is, for people."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping
from hat.conditions import mapping_digest
from hat.errors import DataError
from hat.export.bleu_difference import BleuDifference
from hat.fields import Fields
from hat.json_reader import parse_object
from hat.models.config import SuperTransformerConfig
from hat.numerals import number_of
from hat.reading import read_text


def read_result(path: Path, needed: str) -> dict[str, Any]:
    """Returns the JSON that a command of hat printed last, from a file that holds its output.

    Args:
        path: the file: the whole output, or the last line alone.
        needed: an entry that has to be there, a number.

    Raises:
        DataError: if the file cannot be read or does not end with such a line.
    """
    return _checked(_last_json(path), path, needed)


_MOST = {"bleu": 100.0}
"""What a result cannot be above."""


def read_latency(path: Path, arch: SubTransformerConfig) -> dict[str, Any]:
    """Returns what a measurement printed of a SubTransformer.

    Args:
        path: as in ``read_result``: the output of ``hat latency measure``, or of ``compare``.
        arch: the row that counts, of several that were measured in turn.

    Raises:
        DataError: as ``read_result``, or if it is none of the rows.
    """
    found = _last_json(path)
    rows = found.get("rows")
    if isinstance(rows, dict):
        digest = mapping_digest(arch_to_mapping(arch))
        own = [
            r for r in rows.values() if isinstance(r, dict) and r.get("subtransformer") == digest
        ]
        if not own:
            raise DataError(
                f"{path}: this SubTransformer is none of those that were measured there"
            )
        found = {**own[0], "signature": found.get("signature")}
    return _checked(found, path, "latency_ms")


def _last_json(path: Path) -> dict[str, Any]:
    text = read_text(path).strip()
    for part in (text.rpartition("\n")[2], text):
        try:
            return parse_object(part, str(path), "a result")
        except DataError:
            continue
    raise DataError(f"{path}: expected a command's output, whose last line is JSON")


def _checked(found: dict[str, Any], path: Path, needed: str) -> dict[str, Any]:
    most = _MOST.get(needed, math.inf)
    Fields(found, f"{path}: its JSON").number(needed, least=0, most=most)
    if not isinstance(found.get("signature"), str):
        raise DataError(f"{path}: its JSON has no signature, so nobody could repeat the number")
    return found


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the card tells."""

    task: str
    languages: tuple[str, str]
    text: str
    """The rules for text, in words."""

    units: str | None
    """What words were split by, in words; None if they were not."""

    config: SuperTransformerConfig
    arch: SubTransformerConfig
    params: int
    files: Mapping[str, int]
    """Bytes by name."""

    model_files: tuple[str, ...]
    """Those of them that hold the network."""

    format: str
    about: str
    parity: float
    parity_on: str
    bleu: BleuDifference | None
    score: Mapping[str, Any] | None
    latency: Mapping[str, Any] | None
    training: Mapping[str, Any]
    signature: str


def model_card(facts: Facts) -> str:
    """Returns the text of ``README.md``."""
    source, target = facts.languages
    size = sum(facts.files[name] for name in facts.model_files)
    rows = [
        ("task", f"{facts.task}, {source} to {target}"),
        ("text", f"{facts.text}; {facts.units or 'no BPE codes'}"),
        (
            "vocabulary",
            f"{facts.config.src_vocab_size:,} source and {facts.config.tgt_vocab_size:,} target "
            "words",
        ),
        ("parameters", f"{facts.params:,}"),
        ("bytes of the network on disk", f"{size:,} ({' and '.join(facts.model_files)})"),
        ("format", f"{facts.format}: {facts.about}"),
        *_measured(facts),
        (
            "parity",
            f"log-probabilities differ by at most {facts.parity:.2e} from the checkpoint's "
            f"SuperTransformer set to this architecture, over all words after every token of "
            f"{facts.parity_on}",
        ),
        *_rounding(facts.bleu),
        *((f"training: {name}", str(v)) for name, v in facts.training.items() if v is not None),
        ("signature", f"`{facts.signature}`"),
    ]
    lines = [
        f"# {source} to {target}: a SubTransformer of {facts.params / 1e6:.2f} million parameters",
        "",
        "```",
        "hat translate FOLDER < text            # this folder; --help lists what can be set",
        "```",
        "",
        "```python",
        "import hat",
        'hat.Translator("FOLDER").translate(["..."])',
        "```",
        "",
        *_table(("", ""), rows),
        "",
        "## Architecture",
        "",
        *_architecture(facts.config, facts.arch),
        "",
        "## Files",
        "",
        *_table(("file", "bytes"), [(n, f"{count:,}") for n, count in facts.files.items()]),
        "",
    ]
    return "\n".join(lines)


def _rounding(bleu: BleuDifference | None) -> list[tuple[str, str]]:
    if bleu is None:
        return []
    return [(f"what {bleu.of} cost", f"{bleu}; signature `{bleu.signature}`")]


def _measured(facts: Facts) -> list[tuple[str, str]]:
    rows = []
    if facts.score is not None:
        score = facts.score
        kind = (
            f" ({score['metric']}, {number_of(score['sentences'], 'sentence')})"
            if "metric" in score
            else ""
        )
        rows.append(("BLEU", f"{score['bleu']:.2f}{kind}; signature `{score['signature']}`"))
    if facts.latency is not None:
        rows.append(
            (
                "latency",
                f"{facts.latency['latency_ms']:.1f}{_error(facts.latency)} ms a sentence; workload "
                "and device: "
                f"`{facts.latency['signature']}`",
            )
        )
    return rows


def _error(latency: Mapping[str, Any]) -> str:
    """Of what was measured several times."""
    error = latency.get("error_ms")
    return f" ± {error:.1f}" if isinstance(error, int | float) else ""


def _architecture(config: SuperTransformerConfig, arch: SubTransformerConfig) -> list[str]:
    encoder, decoder = arch.encoder, arch.decoder

    def norm(is_before: bool) -> str:
        return "pre-norm" if is_before else "post-norm"

    def positions(is_learned: bool) -> str:
        if config.no_token_positional_embeddings:
            return "no positions"
        return "learned positions" if is_learned else "sinusoidal positions"

    if config.share_all_embeddings:
        shared = "Encoder, decoder and output share one embedding."
    elif config.share_decoder_input_output_embed:
        shared = "Decoder and output share one embedding."
    else:
        shared = "Encoder, decoder and output have embeddings of their own."
    rows = [
        (f"encoder {i}", str(ffn), str(heads), "", "")
        for i, (ffn, heads) in enumerate(
            zip(encoder.ffn_dims, encoder.self_heads, strict=True), start=1
        )
    ]
    rows += [
        (f"decoder {i}", str(ffn), str(heads), str(cross), str(span))
        for i, (ffn, heads, cross, span) in enumerate(
            zip(
                *(decoder.ffn_dims, decoder.self_heads, decoder.ende_heads, decoder.ende_spans),
                strict=True,
            ),
            start=1,
        )
    ]
    return [
        f"A {norm(config.encoder_normalize_before)} encoder of "
        f"{number_of(encoder.num_layers, 'layer')}, "
        f"{encoder.embed_dim} wide, with {positions(config.encoder_learned_pos)}, and a "
        f"{norm(config.decoder_normalize_before)} decoder of "
        f"{number_of(decoder.num_layers, 'layer')}, "
        f"{decoder.embed_dim} wide, with {positions(config.decoder_learned_pos)}. The heads of an "
        f"attention are {config.qkv_dim} wide together; {config.activation_fn} is the activation. "
        f"{shared}",
        "",
        *_table(
            (
                *("layer", "feed-forward width", "heads", "heads to the encoder"),
                "encoder layers attended to",
            ),
            rows,
        ),
    ]


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"

    return [line(head), "|" + "---|" * len(head), *map(line, rows)]
