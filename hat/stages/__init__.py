"""One file per command: parse options, call the parts, write files."""
