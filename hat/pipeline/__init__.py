"""A whole task from one file: its steps, what is up to date, and how commands are spelled."""
