"""A name for an array type means one type, wherever it stands."""

import re
from pathlib import Path

import hat

ALIAS = re.compile(r"^(\w+) = NDArray\[", re.MULTILINE)


def test_an_array_type_is_named_in_one_place() -> None:
    package = Path(hat.__file__).parent
    places: dict[str, list[Path]] = {}
    for path in package.rglob("*.py"):
        for name in ALIAS.findall(path.read_text(encoding="utf-8")):
            places.setdefault(name, []).append(path.relative_to(package))
    assert len(places["Floats"]) == 1
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
