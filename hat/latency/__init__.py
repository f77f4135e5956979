"""How long does a network take? Measuring, the datasets of it, their faults, and predicting."""
