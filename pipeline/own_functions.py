"""Looks for the functions that the settings name, without importing them."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from pipeline.document import Path as Place
from pipeline.problems import choice, one_error
from pipeline.settings_file import Loaded
from schema.errors import SettingsError


def require_functions(loaded: Loaded) -> None:
    """Refuses settings that name functions which are not there; nothing is imported.

    Raises:
      SettingsError: all that are missing.
    """
    problems = list(missing_functions(loaded))
    if problems:
        raise one_error(problems, loaded.document.name)


def missing_functions(loaded: Loaded) -> Iterator[SettingsError]:
    """A problem for each function of the user's that is not there; nothing is imported."""
    settings = loaded.settings
    own = ":" in str(settings.data.source) and settings.data.path is None
    named: dict[Place, str | None] = {
        ("data", "source"): settings.data.source if own else None,
        ("data", "prepare"): settings.data.prepare,
        ("features", "preprocessing_fn"): settings.features.preprocessing_fn,
        ("model", "build"): settings.model.build if ":" in settings.model.build else None,
        ("training", "step"): settings.training.step if ":" in settings.training.step else None,
    }
    for path in ("model.build", "training.step"):
        tried = settings.tuning and settings.tuning.space.get(path)
        for index, name in enumerate(tried.values if tried else ()):
            named["tuning", "space", path, str(index)] = name if ":" in name else None
    for place, name in named.items():
        if name is None:
            continue
        module, _, function = name.partition(":")
        source = _source(module, loaded.base) if module and function else None
        if source is None:
            yield SettingsError(
                f"The function that `{'.'.join(place)}` names cannot be found.",
                where=loaded.document.place(place),
                expected=f"package.module:function, importable or beside the settings file in {loaded.base}",
                received=name,
            )
        else:
            yield from _not_in(source, function, name, loaded.document.place(place))


def _source(module: str, base: Path) -> Path | None:
    """The file of a module beside the settings file, or of one that can be imported; None where there is none."""
    beside = base.joinpath(*module.split("."))
    for path in (beside.with_suffix(".py"), beside / "__init__.py"):
        if path.is_file():
            return path
    top = base / module.partition(".")[0]
    if (top / "__init__.py").is_file() or top.with_suffix(".py").is_file():
        return None  # to look further would import it
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin else None


def _not_in(source: Path, function: str, name: str, where: str) -> Iterator[SettingsError]:
    """A problem if a module's file does not parse, or says nothing of a function."""
    try:
        tree = ast.parse(source.read_bytes() if source.suffix == ".py" else b"", filename=str(source))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        yield SettingsError(
            f"The module of `{name}` is not Python.", where=f"{source}{line}", received=str(error), fix="correct it"
        )
        return
    # A name that is bound anywhere will do: in an `if`, by an import, by assignment.
    bound = {getattr(node, "name", None) or getattr(node, "id", None) for node in ast.walk(tree)}
    bound |= {alias.asname or alias.name for node in ast.walk(tree) for alias in getattr(node, "names", ())}
    if source.suffix == ".py" and function not in bound and "*" not in bound:
        functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        yield SettingsError(
            f"The module of `{name}` has no `{function}`.",
            where=where,
            expected=f"one of {', '.join(functions) or '(there is no function)'}, in {source}",
            received=function,
            fix=choice(function, functions),
        )
