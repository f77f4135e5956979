"""``python -m tests.golden [--update]``: see the package's description."""

import argparse
import contextlib
import io
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.golden.capture import ROOT
from tests.golden.interface import (
    DESCRIBED,
    FILE,
    differences,
    interface,
    options_file,
    to_text,
    yaml_files,
)


@contextlib.contextmanager
def a_tree_without_data() -> Iterator[None]:
    """A working folder with the configs alone: commands depend on the texts that are there."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        Path("configs").symlink_to(ROOT / "configs")
        yield


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    parser.add_argument("--update", action="store_true", help=f"write {FILE.name} anew")
    parser.add_argument("--configs", type=Path, help="compare the YAML files of this folder, too")
    options = parser.parse_args()
    # Some of fairseq's defaults count the GPUs.
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    logging.disable(logging.CRITICAL)
    with (
        a_tree_without_data(),
        contextlib.redirect_stdout(io.StringIO()),  # commands talk while they read their options
    ):
        told = json.loads(json.dumps(options_file()))
        found = json.loads(json.dumps(interface()))
        other = yaml_files(options.configs) if options.configs else {}
    old = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    lines = differences(old, found)
    lines += differences(json.loads(DESCRIBED.read_text(encoding="utf-8")), told, DESCRIBED.name)
    if options.update:
        FILE.write_text(to_text(found) + "\n", encoding="utf-8")
        DESCRIBED.write_text(to_text(told) + "\n", encoding="utf-8")
        old = found
    for name, readers in other.items():
        place = f"{options.configs}/{name}"
        lines += differences(old["yaml"].get(name), json.loads(json.dumps(readers)), place)
    print("\n".join(lines) or f"nothing differs from {FILE.name}")
    return 1 if lines and not options.update else 0


if __name__ == "__main__":
    raise SystemExit(main())
