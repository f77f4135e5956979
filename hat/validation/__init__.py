"""Checking files without running what they are for."""
