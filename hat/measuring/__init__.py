"""Timing SubTransformers on this machine, one or a whole dataset, and noticing disturbances."""
