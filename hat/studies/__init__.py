"""What is not HAT's loop: epsinas on cells, ranking, the neural predictor, NAS benchmarks."""
