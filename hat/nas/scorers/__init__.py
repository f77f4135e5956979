"""What a search can go by, by name. Choices, flags, docs and conformance tests come from here."""

from typing import Any

from hat.parts import Parts

_HERE = "hat.nas.scorers"

SCORERS: Parts[Any] = Parts(
    "scorer",
    "hat.scorers",
    {
        "inherited-loss": f"{_HERE}.inherited_loss:Loss",
        "tuned-loss": f"{_HERE}.tuned_loss:TunedLoss",
        "calibrated-loss": f"{_HERE}.tuned_loss:CalibratedLoss",
        "bleu": f"{_HERE}.bleu:BeamBleu",
        "bleu-greedy": f"{_HERE}.bleu:GreedyBleu",
        "table": f"{_HERE}.table:Table",
        "epsinas": f"{_HERE}.free:Epsinas",
        "params": f"{_HERE}.free:Params",
        "flops": f"{_HERE}.free:Flops",
        "encoder_depth": f"{_HERE}.free:EncoderDepth",
        "decoder_depth": f"{_HERE}.free:DecoderDepth",
        "decoder_depth_then_params": f"{_HERE}.free:DecoderDepthThenParams",
    },
    needs=("score", "signature", "operators", "is_free", "reads_data"),
)
"""Each is a ``hat.nas.scorers.base.SearchScorer``."""
