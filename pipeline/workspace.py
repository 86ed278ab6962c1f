"""The workspace: the one folder that runs write to."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from schema.errors import SettingsError
from schema.remote.addresses import SCHEMES

DEFAULT = "headgate-workspace"
VARIABLE = "HEADGATE_WORKSPACE"

_PLAIN = re.compile(r"\w[\w.-]{0,99}", re.ASCII)


def file_name(run_id: str) -> str:
    """A run's id as the name of a file: another for each, and with nothing in it that a path or an address reads.

    Those of `headgate run` stay as they are; an orchestrator's may hold colons, slashes and pluses.
    """
    if _PLAIN.fullmatch(run_id):
        return run_id
    plain = re.sub(r"[^\w.-]", "-", run_id, flags=re.ASCII).lstrip(".-")[:100]
    return f"{plain}-{hashlib.sha256(run_id.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Workspace:
    """Names of everything in a workspace. Making one touches nothing on disk.

    Attributes:
      root: the folder, made absolute.
    """

    root: Path

    def __post_init__(self) -> None:
        scheme = str(self.root).partition(":/")[0]  # of `s3://`, a path keeps one slash
        if scheme in SCHEMES and ":/" in str(self.root):
            raise SettingsError(
                "The workspace is a folder on this machine: its locks, logs and database cannot lie in a bucket.",
                where=f"--workspace or {VARIABLE}",
                expected="a path",
                received=str(self.root).replace(":/", "://", 1),
                fix="put the large things elsewhere: `artifacts`, `release.directory` and `data.path` take addresses, "
                "`metadata.url` a database server",
            )
        object.__setattr__(self, "root", self.root.expanduser().resolve())

    @property
    def metadata(self) -> Path:
        """The ML Metadata database (sqlite)."""
        return self.root / "metadata.db"

    @property
    def metadata_url(self) -> Path:
        """Names the server that the runs are on, if they are on one."""
        return self.root / "metadata.json"

    @property
    def serving(self) -> Path:
        """The TensorFlow Serving directory: `MODEL/VERSION/` and `models.config`."""
        return self.root / "serving"

    @property
    def reports(self) -> Path:
        """HTML reports: an index over all runs, and a folder of pages for each pipeline."""
        return self.root / "reports"

    def report(self, pipeline: str, run_id: str) -> Path:
        """The page of one run."""
        return self.reports / pipeline / f"{file_name(run_id)}.html"

    def artifacts(self, pipeline: str) -> Path:
        """TFX's pipeline root."""
        return self.root / "artifacts" / pipeline

    def drift(self, pipeline: str) -> Path:
        """The append-only drift log."""
        return self.root / "drift" / f"{pipeline}.jsonl"

    def monitor(self, pipeline: str) -> Path:
        """The append-only log of the model in service."""
        return self.root / "monitor" / f"{pipeline}.jsonl"

    def prometheus(self, pipeline: str) -> Path:
        """The state of the pipeline for Prometheus."""
        return self.root / "prometheus" / f"{pipeline}.prom"

    def tensorboard(self, pipeline: str) -> Path:
        """TensorBoard's log folder."""
        return self.root / "tensorboard" / pipeline

    def checkpoints(self, pipeline: str) -> Path:
        """State of a training that goes on, or that was killed."""
        return self.root / "checkpoints" / pipeline

    def tuning(self, pipeline: str) -> Path:
        """Trials that a search has finished, until it has come to its end."""
        return self.root / "tuning" / pipeline

    def log(self, pipeline: str, run_id: str) -> Path:
        """What TensorFlow, Beam and TFX had to say during a run."""
        return self.root / "logs" / pipeline / f"{file_name(run_id)}.log"

    def watch(self, pipeline: str) -> Path:
        """What `headgate watch` remembers."""
        return self.root / "watch" / f"{pipeline}.json"

    def lock(self, pipeline: str) -> Path:
        """Held while a run of the pipeline goes on; it falls with its process."""
        return self.root / f".{pipeline}.lock"

    @property
    def database_lock(self) -> Path:
        """Held by whoever writes to the sqlite file."""
        return self.root / ".metadata.lock"

    def data(self, source: str) -> Path:
        """Where a data set that ships with Headgate is put."""
        return self.root / "data" / source

    def ensure(self) -> Workspace:
        """Makes the folder if it is not there, and returns self.

        Raises:
          SettingsError: it is a file, or cannot be written to.
        """
        fix = f"choose another folder with --workspace or {VARIABLE}"
        if self.root.exists() and not self.root.is_dir():
            raise SettingsError("The workspace is not a folder.", where=str(self.root), received="a file", fix=fix)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                "The workspace cannot be made.", where=str(self.root), received=error.strerror, fix=fix
            ) from error
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise SettingsError("The workspace cannot be written to.", where=str(self.root), fix=fix)
        return self
