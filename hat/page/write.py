"""Reading runs and writing their page: HTML, Markdown and JSON beside each other."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from hat.errors import ConfigError, DataError
from hat.files import Files, as_paths, check_writable, real_path, write_json, write_text
from hat.json_reader import read_object
from hat.locks import locked
from hat.page.html import page_html
from hat.page.markdown import page_markdown
from hat.page.view import differences
from hat.record.facts import FORMAT, Facts, RunFacts
from hat.record.run import read_run
from hat.settings import Settings, Shown
from hat.version import __version__

DEFAULT_NAME = "page.html"
_PREFIX = FORMAT.rpartition("-")[0]


@dataclass(frozen=True, kw_only=True)
class PageSettings(Settings):
    """Where the page goes."""

    out: Annotated[Path | None, Shown("FILE.html")] = None
    """the page, with .md and .json beside it; default: page.html in the run's folder, or in the
    current one for several runs"""


def read_facts(folders: Sequence[Path]) -> Facts:
    """Reads the facts of one or several runs.

    Raises:
        ConfigError: if one is named twice.
        DataError: if a folder is no run, or a file in it is damaged.
        CheckpointError: if a predictor in it is damaged.
    """
    seen: dict[Path, Path] = {}
    for folder in folders:
        if real_path(folder) in seen:
            raise ConfigError(f"{folder}: is named twice")
        seen[real_path(folder)] = folder
    runs: list[RunFacts] = [read_run(folder) for folder in folders]
    searches = [search for run in runs for search in run.searches]
    return Facts(
        title=runs[0].name if len(runs) == 1 else f"{len(runs)} runs",
        hat=__version__,
        runs=runs,
        differences=differences(searches) if len(searches) > 1 else {},
    )


def _check_ours(out: Path) -> None:
    """Checks that what lies beside a page, and would be written over, is a page's, too.

    Raises:
        ConfigError: naming what is not: README.md beside ``--out README.html``.
    """
    json = out.with_suffix(".json")
    if json.is_file():
        with suppress(DataError):
            if str(read_object(json, "a page").get("format")).startswith(_PREFIX):
                return
    # A page comes last: it is never there without its JSON.
    for beside in (json, out.with_suffix(".md"), out):
        if beside.is_file():
            raise ConfigError(
                f"{beside}: is there already and is no page's, but the page is written as .html, "
                ".md and .json: --out names another file"
            )


def write_page(folders: Files, settings: PageSettings | None = None) -> list[Path]:
    """Writes the page of one or several runs.

    Args:
        folders: one or several, of pipelines (their ``run-dir``) or of searches (``best.search``).
        settings: where the page goes.

    Returns:
        The HTML, Markdown and JSON files.

    Raises:
        HatError: as ``read_facts``, or if nothing can be written there.
    """
    paths = [Path(folder) for folder in as_paths(folders)]
    if not paths:
        raise ConfigError("name the folder of a run")
    out = (settings or PageSettings()).out
    if out is None:
        out = paths[0] / DEFAULT_NAME if len(paths) == 1 else Path(DEFAULT_NAME)
    if out.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"--out: expected the name of an .html file, but found {out}")
    facts = read_facts(paths)
    _check_ours(out)
    check_writable(out.with_suffix(".json"), out.with_suffix(".md"), out)
    with locked(out):  # another's page of the same name would mix with this one's files
        # The page comes last: where it is there, it is complete.
        write_json(out.with_suffix(".json"), asdict(facts))
        write_text(out.with_suffix(".md"), page_markdown(facts))
        write_text(out, page_html(facts))
    return [out, out.with_suffix(".md"), out.with_suffix(".json")]
