"""The SuperTransformer: built, sliced, extracted, counted and loaded. Torch only, no fairseq."""
