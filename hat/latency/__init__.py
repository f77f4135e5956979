"""How long does a network take? Datasets of measurements, their faults, and predicting."""
