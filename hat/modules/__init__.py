"""Layers that can run with only the first rows and columns of their weights. Torch only."""
