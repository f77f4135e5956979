"""Latency predictors, one kind per file."""
