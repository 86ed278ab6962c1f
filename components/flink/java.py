"""Java, which Beam's job server for Flink is a program of; imports nothing of Beam."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from schema.errors import HeadgateError


def java() -> str:
    """The Java program: that of JAVA_HOME, else the first on the PATH.

    Raises:
      HeadgateError: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home, "bin/java")) if home else "java"
    if not shutil.which(program):
        raise HeadgateError(
            "Beam's job server for Flink needs Java, and there is none.",
            where=f"JAVA_HOME={home}" if home else "the PATH",
            expected="Java 11 or later",
            fix="install it (Debian: apt install openjdk-17-jre-headless), or name a job server that runs elsewhere as "
            "beam.job_endpoint",
        )
    return program
