"""Packages that are imported when they are first used, and not where TFX's modules merely name them.

The module that launches a node imports every component of TFX, and with them TensorFlow, TFMA, TFDV, TFT, Docker's and
Kubernetes's clients: 5 of the 7 CPU seconds that a step then costs before it does anything. Most steps use none of
them. What is put off here is imported as ever as soon as a name in it is asked for.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

ALONE: Mapping[str, tuple[str, ...]] = {
    # TFX decorates its documentation with the one, and the other is generated code.
    "tensorflow": ("tools", "core"),
    "tensorflow_model_analysis": ("proto",),
    "tensorflow_data_validation": (),
    "docker": (),
}
"""Packages that are put off, with those of their parts that may be imported without the rest."""

LISTS = ("tfx.components",)
"""Packages that do no more than name what their parts hold."""


class _Deferred(ModuleType):
    """A package whose own code runs when something in it is asked for that is not there yet."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system asks for these, and does without
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        _load(self)
        return getattr(self, name)


class _Order:
    """Lets a package's own code run before that of its parts, as Python would, but for those that stand alone."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Finds nothing itself."""
        package, _, rest = name.partition(".")
        module = sys.modules.get(package)
        if isinstance(module, _Deferred) and rest.partition(".")[0] not in ALONE[package]:
            _load(module)


def defer() -> None:
    """Puts off the packages that are not imported yet. Call it in a process that runs one step."""
    put_off = [name for name in (*ALONE, *LISTS) if name not in sys.modules]
    for name in put_off:
        spec = importlib.util.find_spec(name)
        if spec is None:
            continue
        module = _Deferred(name)
        module.__spec__, module.__loader__, module.__package__ = spec, spec.loader, name
        module.__file__, module.__path__ = spec.origin, list(spec.submodule_search_locations or ())
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
    sys.meta_path.insert(0, _Order)
    if "tensorflow_model_analysis" in put_off:
        _let_tfx_name_protos()
    if "tensorflow_data_validation" in put_off:
        # In annotations of TFX's; the real one takes its place with the rest.
        sys.modules["tensorflow_data_validation"].DatasetListView = object  # type: ignore[attr-defined]


def _let_tfx_name_protos() -> None:
    """TFX's component specs look into TFMA's `sdk` for the classes of protos, and nothing else."""
    from google.protobuf import wrappers_pb2 as wrappers_pb2  # what TFMA's is built on, without importing it
    from tensorflow_model_analysis.proto import config_pb2

    sys.modules["tensorflow_model_analysis"].sdk = config_pb2  # type: ignore[attr-defined]


def _load(module: ModuleType) -> None:
    module.__class__ = ModuleType
    loader: Any = module.__loader__
    loader.exec_module(module)
