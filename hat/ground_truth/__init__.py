"""Tables of SubTransformers that were trained from scratch, several seeds each."""
