"""Keys of the stages' files that decide what a pipeline makes: what depends on which of them."""

SPACE = ("supertransformer",)
LATENCIES = ("latency-dataset",)
PREDICTOR = (*LATENCIES, "latency-predictor")
WINNER = (*SPACE, *PREDICTOR, "evo-search")
TRAINING = ("subtransformer",)
