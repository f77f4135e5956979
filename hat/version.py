"""The version of the package, read by ``setup.py`` and written into every signature."""

__version__ = "0.2.0"

DISTRIBUTION = "hat-nas"
"""hat's name on the package index, where ``hat`` is another project's."""
