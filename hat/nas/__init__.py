"""Search over SubTransformers: HAT's loop from a SuperTransformer to a retrained winner."""
