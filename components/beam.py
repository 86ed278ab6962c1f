"""Settings of Apache Beam: the `beam` section."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schema.section import Section


class BeamSettings(Section):
    """How Beam runs on this machine."""

    mode: Literal["in_memory", "multi_processing"] = "in_memory"
    """Worker processes import TensorFlow again, so they pay only on large data."""
    workers: int = Field(1, ge=1)

    def pipeline_args(self) -> list[str]:
        """Beam's command line arguments.

        Beam's default runner would first try to download a Go binary; FnApiRunner is named to avoid that.
        """
        return [
            "--runner=FnApiRunner",
            f"--direct_running_mode={self.mode}",
            f"--direct_num_workers={self.workers}",
        ]
