"""Environments of peers, each of its own under `.cache/peers`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def tfx() -> str:
    """An environment with the packages of requirements.lock, and pip, which TFX's `module_file` calls.

    Returns:
      Path of its interpreter.

    Raises:
      RuntimeError: uv is not there.
    """
    folder = ROOT / ".cache" / "peers" / "tfx"
    python = folder / "bin" / "python"
    done = folder / "complete"
    if not done.exists():
        uv = shutil.which("uv", path=os.pathsep.join([os.environ["PATH"], str(ROOT / ".cache" / "uv" / "bin")]))
        if uv is None:
            raise RuntimeError("uv is needed to make the peer's environment; scripts/setup installs it")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
        for command in (
            [uv, "pip", "sync", "--quiet", "--compile-bytecode", "--python", str(python), "requirements.lock"],
            [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), "pip"],
        ):
            subprocess.run(command, check=True, cwd=ROOT)
        done.touch()
    return str(python)
