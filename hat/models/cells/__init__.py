"""Networks of the cell benchmarks as PyTorch modules, so that any proxy can run on them."""
