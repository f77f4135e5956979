"""The command line: the table of commands, YAML files and flags, what every command prints."""
