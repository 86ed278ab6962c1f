"""The `label` section: what the model learns to predict."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from schema.section import Section

Task = Literal["binary", "multiclass", "regression"]
ColumnType = Literal["float", "int", "string"]


class LabelSettings(Section):
    """The label column and how its values map to classes."""

    name: str
    """Name of the label column."""
    task: Task = "binary"
    """What is predicted: one of two classes, one of several, or a number."""
    classes: tuple[int | str, ...] = ()
    """Label values in class order: (negative, positive) for a binary task. Default for binary: (0, 1)."""

    @model_validator(mode="after")
    def _classes_fit_task(self) -> LabelSettings:
        if self.task == "regression" and self.classes:
            raise ValueError("a regression label has no classes")
        if self.task == "binary" and len(self.classes) not in (0, 2):
            raise ValueError(f"a binary label has two classes, negative then positive; received {len(self.classes)}")
        if self.task == "multiclass" and len(self.classes) < 3:
            raise ValueError(f"a multiclass label lists its classes, three or more; received {len(self.classes)}")
        if len({type(value) for value in self.classes}) > 1:
            raise ValueError("label classes are all integers or all strings")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("label classes are listed once each")
        return self

    @property
    def values(self) -> tuple[int | str, ...]:
        """Label values in class order; empty for a regression."""
        return (0, 1) if self.task == "binary" and not self.classes else self.classes

    @property
    def type(self) -> ColumnType:
        """Type of the label column in the data."""
        if self.task == "regression":
            return "float"
        return "string" if isinstance(self.values[0], str) else "int"
