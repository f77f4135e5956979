"""Turning raw text into the parallel, tokenised, BPE-split files that fairseq binarises."""
