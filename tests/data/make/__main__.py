"""Writes all made files anew."""

import sys
from pathlib import Path

from tests.data.make import MAKERS

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
for make in MAKERS.values():
    make(folder)
