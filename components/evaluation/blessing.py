"""The ModelBlessing artifact, with the properties and files that TFX's Evaluator, Pusher and resolvers know.

The names are those of `tfx.components.evaluator.constants`, which is not imported here because it brings TFMA and
every other component along.
"""

from __future__ import annotations

from pathlib import Path

from tfx.types.artifact import Artifact

from schema.remote.addresses import join, told
from schema.remote.places import exists

BLESSED_PROPERTY = "blessed"
BLESSED_FILE = "BLESSED"
NOT_BLESSED_FILE = "NOT_BLESSED"
MODEL_URI, MODEL_ID = "current_model", "current_model_id"
BASELINE_URI, BASELINE_ID = "baseline_model", "baseline_model_id"


def write(blessing: Artifact, blessed: bool, model: Artifact, baseline: Artifact | None) -> None:
    """Marks a model as blessed or not.

    Args:
      blessing: the ModelBlessing, changed in place; its folder gets an empty file BLESSED or NOT_BLESSED.
      blessed: the verdict.
      model: the Model that was judged.
      baseline: the Model that it was compared with, if any.
    """
    blessing.set_int_custom_property(BLESSED_PROPERTY, int(blessed))
    blessing.set_string_custom_property(MODEL_URI, told(model.uri))
    blessing.set_int_custom_property(MODEL_ID, model.id)
    if baseline is not None:
        blessing.set_string_custom_property(BASELINE_URI, told(baseline.uri))
        blessing.set_int_custom_property(BASELINE_ID, baseline.id)
    folder = Path(blessing.uri)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (BLESSED_FILE, NOT_BLESSED_FILE):
        (folder / name).unlink(missing_ok=True)
    (folder / (BLESSED_FILE if blessed else NOT_BLESSED_FILE)).touch()


def blesses(blessing: Artifact, model: Artifact) -> bool:
    """Whether a ModelBlessing blesses this very model: its record in ML Metadata and its file must agree."""
    return (
        blessing.get_int_custom_property(BLESSED_PROPERTY) == 1
        and blessing.get_string_custom_property(MODEL_URI) == told(model.uri)
        and exists(join(blessing.uri, BLESSED_FILE))
    )
