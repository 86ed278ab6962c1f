"""The manifest of a release: where a model came from, and what its files must be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from schema.errors import ReleaseError

LOCATION = Path("assets.extra", "manifest.json")
"""Where the manifest lies in a version's folder. TensorFlow Serving leaves `assets.extra` alone."""


EDGE = Path("assets.extra", "edge")
"""Where the models for devices lie in a version's folder."""


class EdgeModel(BaseModel):
    """A model for devices, released beside the SavedModel that it was made of: a LiteRT file."""

    model_config = ConfigDict(frozen=True)

    file: str
    """Name of the file in `assets.extra/edge`."""
    sha256: str
    bytes: int
    gzip_bytes: int
    format: str
    """Numbers in the file: `float32`, `float16` or `int8`."""
    inputs: dict[str, str]
    """dtype and shape of each argument of its signature, such as `uint8 [1, 28, 28, 1]`."""
    sparsity: float | None
    """Share of zeros among the weights of pruned layers; None where nothing was pruned."""
    metrics: dict[str, float]
    """Metrics on the whole test split."""


class Provenance(BaseModel):
    """Where a model came from.

    Unknown keys are left aside, so that an older Headgate reads the manifests of a newer one.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    run_id: str
    pipeline: str
    span: int
    """Span of the data that the model was trained on."""
    model_uri: str
    """The Model artifact in the pipeline's artifact store."""
    statistics_uri: str
    """The ExampleStatistics artifact of the data that the model was trained on."""
    schema_fingerprint: str
    code_fingerprint: str
    settings_fingerprint: str
    metrics: dict[str, float]
    """Metrics on the whole test split."""
    threshold: float | None = None
    """Of a binary model: rows whose score is greater are positive."""
    threshold_rule: str | None = None
    """How it was chosen, in words."""
    edge: dict[str, EdgeModel] = {}
    """The models for devices by name. They have the same `threshold`."""


class Manifest(Provenance):
    """A version in the serving directory: its provenance and its files."""

    model: str
    version: int
    created: str
    """When it was released: ISO 8601, UTC."""
    files: dict[str, str]
    """SHA-256 of each file of the SavedModel, by path relative to the version's folder."""

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of everything that was released, by path relative to the version's folder."""
        return self.files | edge_digests(self.edge)


def edge_digests(edge: Mapping[str, EdgeModel]) -> dict[str, str]:
    """SHA-256 of models for devices, by path relative to a version's folder."""
    return {str(EDGE / each.file): each.sha256 for each in edge.values()}


def read(folder: Path) -> Manifest | None:
    """Reads the manifest in a version's folder.

    Args:
      folder: the version's folder, `SERVING_DIR/MODEL/VERSION`.

    Returns:
      The manifest; None where the folder is gone or has none, as with a version that another tool put there.

    Raises:
      ReleaseError: the manifest does not parse.
    """
    path = folder / LOCATION
    try:
        return Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValidationError, UnicodeDecodeError) as error:
        raise ReleaseError(
            "The manifest of a release does not parse.",
            where=str(path),
            expected="the JSON that Headgate wrote when it released this version",
            received=str(error).splitlines()[0],
            fix=f"Put the file back from a backup, or take {folder} out of the serving directory.",
        ) from error
