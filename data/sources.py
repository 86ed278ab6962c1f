"""The data sets that ship with Headgate, by the name that `data.source` in a settings file gives them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

from data import classification, digits, mnist, taxi, textures
from data.images import ShuffledSettings
from data.source import Found, Source
from schema.errors import SettingsError

SOURCES: Mapping[str, Source] = {
    "classification": Source(
        about="synthetic: 20 numbers a row, two classes (scikit-learn's make_classification)",
        preset="classification",
        find=classification.source,
        settings=classification.ClassificationSettings,
        spans=classification.spans,
        file=classification.FILE,
    ),
    "taxi": Source(
        about="15,002 Chicago taxi trips of 48 months, dealt to spans by time (installed with TFX)",
        preset="taxi",
        find=taxi.source,
        settings=taxi.TripsSettings,
        spans=taxi.spans,
        file=taxi.FILE,
    ),
    "digits": Source(
        about="1,797 handwritten digits of 8x8 grey pixels (installed with scikit-learn)",
        preset="mnist-cnn",
        find=digits.source,
        settings=ShuffledSettings,
        spans=digits.spans,
        file=digits.FILE,
    ),
    "mnist": Source(
        about="70,000 handwritten digits of 28x28 grey pixels (Keras's download, or your own files)",
        preset="mnist-cnn",
        find=mnist.source,
        settings=mnist.MnistSettings,
        spans=mnist.spans,
        file=mnist.FILE,
    ),
    "textures": Source(
        about="generated surfaces of 64x64 colour pixels, some with a scratch, a blob or a stain",
        preset="images",
        find=textures.source,
        settings=textures.TexturesSettings,
        spans=textures.spans,
        independent=True,
        few=textures.few,
    ),
}


def source(name: str, where: str) -> Source:
    """The data set of that name.

    Args:
      name: one of `SOURCES`.
      where: where the name was given, for the message.

    Raises:
      SettingsError: there is no such data set.
    """
    if name in SOURCES:
        return SOURCES[name]
    close = difflib.get_close_matches(name, SOURCES, n=1)
    raise SettingsError(
        f"`{name}` is no data source.",
        where=where,
        expected=", ".join(SOURCES),
        received=name,
        fix=f"did you mean `{close[0]}`?" if close else "give the path of your own files as data.path",
    )


def materialise(name: str, directory: Path, *, few: bool = False) -> Found:
    """Puts the data set called `name` into `directory`, unless it is there already.

    Args:
      name: one of `SOURCES`.
      directory: may be written to.
      few: a few rows will do.

    Raises:
      SettingsError: there is no such data set.
    """
    found = source(name, "data.source")
    return found.few(directory) if few and found.few else found.find(directory)
