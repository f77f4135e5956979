"""A corpus of the user's own: looked at, cleaned, split, and a task folder written for it."""
