"""Finds all functions of the package that read a file, by the calls in their source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import hat

PACKAGE = Path(hat.__file__).parent

NAMES = {
    *("open", "open_file", "opened", "read_bytes", "read_text", "read_log", "read_text_lines"),
    *("read_json", "read_object", "read_objects", "read_mapping", "check_file", "open_torch"),
    *("load_file", "safe_open", "InferenceSession", "SentencePieceProcessor"),
}
"""Functions that read, wherever they come from."""

METHODS = {
    *("read_text", "read_bytes", "fromfile", "memmap", "loadtxt", "genfromtxt", "read_csv"),
    *("InferenceSession", "LoadFromSerializedProto", "SentencePieceProcessor"),
}
"""Methods and functions of modules that read, whatever stands before their dot."""

OF_MODULES = {
    "torch": {"load"},
    "np": {"load"},
    "json": {"load", "loads"},
    "yaml": {"load", "safe_load", "parse", "load_all"},
    "pickle": {"load", "loads", "Unpickler"},
    "csv": {"reader", "DictReader"},
    "gzip": {"open", "GzipFile", "decompress"},
    "bz2": {"open", "BZ2File", "decompress"},
    "lzma": {"open", "LZMAFile", "decompress"},
    "zlib": {"decompress", "decompressobj"},
    "zipfile": {"ZipFile"},
    "tarfile": {"open"},
    "h5py": {"File"},
    "onnx": {"load"},
    "Image": {"open"},
    "ctranslate2": {"Translator"},
    "sqlite3": {"connect"},
    "CsvRows": {"read"},
    "path": {"open"},
    "os": {"open"},
}


def readers() -> dict[str, set[str]]:
    """Functions that read, such as ``text.lines.read_lines`` -> the calls that do it."""
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for name, call in _calls(ast.parse(path.read_text(encoding="utf-8")), ()):
            found.setdefault(f"{module}.{name}", set()).add(call)
    return found


def _calls(node: ast.AST, inside: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for child in ast.iter_child_nodes(node):
        named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        yield from _calls(child, (*inside, child.name) if named else inside)
        if isinstance(child, ast.Call) and _reads(child):
            yield ".".join(inside) or "<module>", ast.unparse(child.func)


def _reads(call: ast.Call) -> bool:
    called = call.func
    if isinstance(called, ast.Name):
        return called.id in NAMES and not _writes(call)
    if not isinstance(called, ast.Attribute):
        return False
    if called.attr in METHODS:
        return True
    before = called.value
    owner = before.id if isinstance(before, ast.Name) else getattr(before, "attr", "")
    return called.attr in OF_MODULES.get(owner, ()) and not _writes(call)


def _writes(call: ast.Call) -> bool:
    """Whether a file is opened for writing."""
    modes = [*call.args[:2], *(word.value for word in call.keywords if word.arg == "mode")]
    return any(
        isinstance(mode, ast.Constant) and str(mode.value)[:1] in "wax" and len(str(mode.value)) < 4
        for mode in modes
    )
