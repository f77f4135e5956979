"""How good is an architecture? One scorer per file, all behind the ``Scorer`` protocol."""
