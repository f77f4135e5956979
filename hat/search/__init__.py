"""Searching for architectures: ask, score, tell. Generic over the architecture; no torch here."""
