"""Commands are quick to say what they can do: heavy packages are imported when work begins."""

import subprocess
import sys

COMMANDS = ("generate", "latency", "latency_dataset", "prepare", "profile", "score", "train")
HEAVY = ("fairseq", "matplotlib", "scipy", "sklearn", "torch")


def test_importing_a_command_imports_nothing_heavy() -> None:
    modules = ", ".join(f"hat.commands.{name}" for name in COMMANDS)
    code = f"import sys, {modules}; print(sorted({set(HEAVY)} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
