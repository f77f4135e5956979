"""One page to decide from: what runs left in their folders, as HTML, Markdown and JSON."""
