"""One page to decide from: the facts of runs as HTML, Markdown and JSON."""
