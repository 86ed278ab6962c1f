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
    """How many, with `multi_processing`."""

    def pipeline_args(self) -> list[str]:
        """Beam's command line arguments."""
        return [
            # Beam's default runner would first try to download a Go binary.
            "--runner=FnApiRunner",
            f"--direct_running_mode={self.mode}",
            f"--direct_num_workers={self.workers}",
            # For workers elsewhere TFX packs its own source at every step (1.1 CPU s), unless they have an image.
            # Workers on this machine need neither.
            "--sdk_container_image=unused",
            # The steps' types do not change from run to run; to infer them again took 7 % of Transform.
            "--no_pipeline_type_check",
        ]
