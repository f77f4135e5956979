"""Every format of exported models by the name that flags and ``export.json`` use.

A format is a class with, beside what every named part has (``hat.parts``),

``about``
    what it is, for the model card;
``is_exact``
    whether weights are kept as they are; where they are not, BLEU is compared, too;
``write(small, notes, folder, words)``
    writes the extracted model ``small`` into ``folder``, which is there; ``notes`` are options
    that a checkpoint of the task holds: languages and digests of dictionaries; ``words`` are those
    of source and target by number;
``open(folder, device)``
    reads that again, without running code from it, as a ``hat.engines.base.Runnable``.

It may have

``takes_shortlist``
    whether translations can be made of some words only (``hat.translation.shortlist``);
``checked_digests(folder)``
    digests, by name, that ``open`` compares files with: they are not read once more before.
"""

from typing import Any

from hat.parts import Parts

_HERE = "hat.export.formats"

FORMATS: Parts[Any] = Parts(
    "export format",
    "hat.export_formats",
    {
        "safetensors": f"{_HERE}.saved:SafetensorsFormat",
        "torch": f"{_HERE}.saved:TorchFormat",
        "fairseq": f"{_HERE}.fairseq_checkpoint:FairseqFormat",
        "onnx": f"{_HERE}.engine_files:OnnxFormat",
        "ctranslate2": f"{_HERE}.engine_files:Ctranslate2Format",
    },
    needs=("about", "is_exact", "write", "open", "signature"),
)
"""What needs no further program to run first."""
