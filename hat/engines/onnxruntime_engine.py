"""ONNX Runtime on the CPU: two graphs that run wherever onnxruntime and numpy are."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hat.engines.base import EngineSettings, PackageEngine, check_cpu, check_installed, threads_of
from hat.engines.facts import checked_facts, write_facts
from hat.engines.int8_weights import Int8EngineSettings, check_range
from hat.engines.onnx_operators import check_operators
from hat.errors import CheckpointError
from hat.reading import check_file, reason

if TYPE_CHECKING:
    from hat.arch.config import SubTransformerConfig
    from hat.engines.steps import StepRunnable
    from hat.models.config import SuperTransformerConfig
    from hat.models.super_transformer import SuperTransformer


class OnnxruntimeEngine(PackageEngine):
    """An encoder and a step of the decoder in ONNX, run by ONNX Runtime."""

    Settings: ClassVar[type[EngineSettings]] = Int8EngineSettings
    name: ClassVar[str] = "onnxruntime"
    packages: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime")
    about: ClassVar[str] = "ONNX graphs of the encoder and of a step of the decoder"
    script: ClassVar[Path | None] = Path(__file__).with_name("onnx_files.py")

    def check(self, config: "SuperTransformerConfig", arch: "SubTransformerConfig") -> None:
        """See ``hat.engines.base.Engine``. Every network can be represented."""
        self.check_packages()

    def write(
        self,
        small: "SuperTransformer",
        folder: Path,
        *,
        words: tuple[Sequence[str], Sequence[str]] | None = None,
    ) -> None:
        """See ``hat.engines.base.Engine``."""
        self.check(small.config, small.arch)
        from hat.engines.onnx_graph import write_graphs
        from hat.engines.plain_weights import plain_network

        write_graphs(plain_network(small), folder, self.settings.levels())
        heads = list(small.arch.decoder.self_heads)
        more = {"qkv": small.config.qkv_dim, "decoder-heads": heads}
        write_facts(folder, small.config, self.signature(), **more)

    def open(self, folder: Path, *, device: str = "cpu") -> "StepRunnable":
        """See ``hat.engines.base.Engine``."""
        check_cpu(device, self.name)
        check_installed("onnxruntime", self.name, "engines")
        from hat.engines.onnx_files import DECODER_FILE, ENCODER_FILE, WEIGHTS_FILE, OnnxNetwork
        from hat.engines.onnx_runner import OnnxRunnable

        facts = checked_facts(folder, self.settings.precision)
        check_range(folder, facts)
        check_file(folder / WEIGHTS_FILE, CheckpointError)
        for name in (ENCODER_FILE, DECODER_FILE):
            check_operators(folder / name)
        try:
            network = OnnxNetwork(folder, threads_of(self.settings))
        except Exception as error:  # of onnxruntime's own kinds, which all derive from it
            raise CheckpointError(
                f"{folder}: onnxruntime cannot read it: {reason(error)}"
            ) from None
        return OnnxRunnable(network, folder)
