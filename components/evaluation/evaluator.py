"""The step `evaluate`, made from settings."""

from __future__ import annotations

from collections.abc import Sequence

from tfx import types

from components.evaluation.config import LABEL, eval_config
from components.evaluation.evaluate import Evaluate
from components.evaluation.predictions import RecordSettings
from components.evaluation.settings import EvaluationSettings
from components.label import LabelSettings


def evaluator(
    examples: types.BaseChannel,
    model: types.BaseChannel,
    baseline_model: types.BaseChannel,
    settings: EvaluationSettings,
    label: LabelSettings,
    columns: Sequence[str] = (),
    code: str = "",
) -> Evaluate:
    """The Evaluator on the test split, with every metric of the task on every slice.

    Args:
      examples: Examples with a split `test`.
      model: the new Model.
      baseline_model: the Model in service; a channel that may turn out empty.
      settings: the `evaluation` section.
      label: the `label` section.
      columns: of the data, to be recorded beside the predictions.
      code: fingerprint of the code that the step depends on.

    Returns:
      The component, with the id `evaluate`. Its output `evaluation` is for `Judge`; its output `blessing` stays
      without a verdict (see `config.eval_config`).
    """
    return Evaluate(
        examples=examples,
        model=model,
        baseline_model=baseline_model,
        eval_config=eval_config(settings, label),
        record=recorded(settings, label, columns).model_dump_json(),
        code=code,
    ).with_id("evaluate")


def recorded(settings: EvaluationSettings, label: LabelSettings, columns: Sequence[str]) -> RecordSettings:
    """What the predictions table has of each row: see `evaluator`."""
    attack = settings.adversarial.output if settings.adversarial else None
    return RecordSettings(task=label.task, classes=label.values, columns=tuple(columns), label=LABEL, attack=attack)
