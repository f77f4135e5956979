"""One file per command: read the options, call the parts, print the result. Nobody imports it."""
