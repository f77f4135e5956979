"""Looks at a CTranslate2 model before the library does, which takes what a file claims on trust.

``model.bin``, as ``ctranslate2/specs/model_spec.py`` writes it: version, name and revision, then
the variables, each with name, shape, type and bytes, then names that stand for others. A text has
two bytes of length before it and a zero at its end; other numbers have four, but for the number of
dimensions and the type, which have one. The lowest byte comes first.
"""

import math
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from hat.engines.ctranslate2_shapes import Variable, check_shapes
from hat.errors import CheckpointError
from hat.json_reader import read_json
from hat.reading import open_file

_MODEL = "model.bin"
_CONFIG = "config.json"
_SIZES = (4, 1, 2, 4, 2, 2)
"""Bytes of a number by the code of its type: float32, int8, int16, int32, float16, bfloat16."""

_FLOAT32 = 0
_MOST_DIMENSIONS = 8


def check_model(folder: Path) -> None:
    """Checks that the model holds the bytes that it says, and that the other files can be read.

    Raises:
        CheckpointError: if a file is missing or damaged.
    """
    names = [f"{side}_vocabulary.json" for side in ("source", "target")]
    if not any((folder / name).exists() for name in names):
        names = ["shared_vocabulary.json"]
    sizes = []
    for name in names:
        words = read_json(folder / name, CheckpointError)
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise CheckpointError(f"{folder / name}: expected a JSON list of words")
        sizes.append(len(words))
    if not isinstance(read_json(folder / _CONFIG, CheckpointError), dict):
        raise CheckpointError(f"{folder / _CONFIG}: expected a JSON object")
    path = folder / _MODEL
    with open_file(path, CheckpointError) as stream:
        try:
            found = _follow(stream, path.stat().st_size)
        except (struct.error, ValueError) as error:
            raise CheckpointError(
                f"{path}: is damaged or no CTranslate2 model: {error} (byte {stream.tell()})"
            ) from None
    try:
        check_shapes(found, (sizes[0], sizes[-1]))
    except ValueError as error:
        raise CheckpointError(f"{path}: is no network of ours: {error}") from None


def _follow(stream: BinaryIO, size: int) -> dict[str, Variable]:
    found: dict[str, Variable] = {}
    _number(stream, "<I")
    _text(stream)
    _number(stream, "<I")
    for _ in range(_number(stream, "<I")):
        name = _text(stream)
        dimensions = _number(stream, "<B")
        if dimensions > _MOST_DIMENSIONS:
            raise ValueError(f"{name:.60} has {dimensions} dimensions")
        shape = [_number(stream, "<I") for _ in range(dimensions)]
        kind, num_bytes = _number(stream, "<B"), _number(stream, "<I")
        if kind >= len(_SIZES) or math.prod(shape) * _SIZES[kind] != num_bytes:
            raise ValueError(f"{name:.60} of shape {shape} cannot have {num_bytes:,} bytes")
        if num_bytes > size - stream.tell():
            raise ValueError(f"{name:.60} is cut off")
        content = stream.read(num_bytes)
        if kind == _FLOAT32 and not np.isfinite(np.frombuffer(content, "<f4")).all():
            raise ValueError(f"{name:.60} holds what is no finite number")
        is_scale = kind == _FLOAT32 and name.endswith("weight_scale")
        if is_scale and not (np.frombuffer(content, "<f4") > 0).all():
            raise ValueError(f"{name:.60} holds a scale that is not positive")
        whole = int.from_bytes(content, "little", signed=True) if not shape else 0
        found[name] = Variable(tuple(shape), whole)
    for _ in range(_number(stream, "<I")):
        other, name = _text(stream), _text(stream)
        if name not in found:
            raise ValueError(f"{other:.60} stands for {name:.60}, which is not there")
        found[other] = found[name]
    if stream.tell() != size:
        raise ValueError("something follows its end")
    return found


def _number(stream: BinaryIO, form: str) -> int:
    (found,) = struct.unpack(form, stream.read(struct.calcsize(form)))
    return int(found)


def _text(stream: BinaryIO) -> str:
    length = _number(stream, "<H")
    content = stream.read(length)
    if not length or len(content) != length or not content.endswith(b"\0"):
        raise ValueError("a name is damaged")
    return content[:-1].decode("utf-8")
