"""Architectures trained from scratch after a search: to judge it, or to choose among finalists."""
