"""Keeps the caches small that grow with the number of tensor shapes.

oneDNN keeps every matrix product that it has generated code for, and the layer between torch and
oneDNN keeps the weights' layouts again: 1,024 of each, one for each shape. Training draws another
architecture for every update and sentences have every length, so shapes hardly ever come back and
the caches only grow: by 2 GB in a thousand updates. Smaller caches forget the oldest shapes.
"""

import os

CAPACITIES = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64", "LRU_CACHE_CAPACITY": "8"}
"""Environment variables and how many objects each cache may keep."""


def keep_small() -> None:
    """Bounds the caches of this process and of those that it starts.

    The libraries read the variables when the first operation uses them, so this works after torch
    was imported, too. What the user has set stays.
    """
    for name, capacity in CAPACITIES.items():
        os.environ.setdefault(name, capacity)
