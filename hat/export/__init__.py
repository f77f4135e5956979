"""From a trained checkpoint to a folder that translates: formats, parity, model card."""
