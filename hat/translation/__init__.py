"""Translating: our own beam search over a SubTransformer's steps. Torch, no fairseq."""
