"""What of fairseq's options is taken, and in which range; no fairseq and no torch."""
