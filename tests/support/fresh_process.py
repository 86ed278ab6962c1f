"""Programs of this folder, run in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def fresh(module: ModuleType, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a module's file to its end."""
    return subprocess.run(
        [sys.executable, str(module.__file__), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
