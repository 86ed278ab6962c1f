"""Which variants have earned their place: the rules of the `edge` section, each as a decision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from components import decisions
from components.decisions import Decision, Outcome
from components.edge.record import Variant
from components.edge.settings import EdgeSettings, VariantSettings
from components.evaluation.judge import judge
from components.evaluation.results import Evaluation, plain
from components.evaluation.settings import EvaluationSettings

STEP = "edge"


def judge_variants(
    variants: Iterable[Variant],
    evaluations: Mapping[str, Evaluation],
    full: Evaluation,
    edge: EdgeSettings,
    evaluation: EvaluationSettings,
) -> tuple[list[Decision], list[Variant]]:
    """Applies every rule to every variant.

    Args:
      variants: as they were made.
      evaluations: of the variants on the test split, by name.
      full: evaluation of the model that they were made of, on the same split.
      edge: the `edge` section.
      evaluation: the `evaluation` section: slices, and thresholds for variants without their own.

    Returns:
      One decision for each rule and subject, and the variants with their metrics and the verdict. What blocks a
      variant keeps only that one from being released.
    """
    found: list[Decision] = []
    judged = []
    for variant in variants:
        settings = edge.variants[variant.name]
        rules = settings.rules(evaluation)
        own = [
            *_size(variant, settings),
            *judge(evaluations[variant.name], full, {}, rules, baseline_name="the full model"),
        ]
        passed = decisions.passed(own)
        found += [_about(variant.name, decision) for decision in own]
        metrics = plain(evaluations[variant.name], evaluation.slices)
        judged.append(replace(variant, passed=passed, metrics=metrics["overall"], slices=metrics["slices"]))
    return found, judged


def required(variants: Iterable[Variant], edge: EdgeSettings) -> Iterator[Decision]:
    """What follows for the full model: a decision for each variant that there is no release without."""
    for variant in variants:
        if edge.variants[variant.name].required:
            told = f"the variant {variant.name} is required"
            if variant.passed:
                yield Decision(STEP, "required", variant.name, "pass", f"{told} and passed")
            else:
                message = f"{told} and did not pass: the full model is not released either"
                yield Decision(STEP, "required", variant.name, "block", message)


def _size(variant: Variant, settings: VariantSettings) -> Iterator[Decision]:
    if settings.max_bytes is not None:
        fits = variant.bytes <= settings.max_bytes
        bound = f"<= {settings.max_bytes}"
        message = f"the file has {variant.bytes} bytes" + ("" if fits else f"; to pass it must have {bound}")
        outcome: Outcome = "pass" if fits else "block"
        margin = settings.max_bytes - variant.bytes
        yield Decision(STEP, "max_bytes", "overall", outcome, message, variant.bytes, bound, margin=margin)


def _about(name: str, decision: Decision) -> Decision:
    """The judge's decision on a model as one on a variant."""
    consequence = f"{name} is not released" if decision.outcome == "block" else name
    return replace(
        decision, step=STEP, subject=f"{name}: {decision.subject}", message=f"{consequence}: {decision.message}"
    )
