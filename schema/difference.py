"""What differs between two schemas, feature by feature, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tensorflow_metadata.proto.v0 import schema_pb2

SHOWN = 10
"""How many values of a domain are listed before the rest is counted."""


@dataclass(frozen=True)
class Change:
    """One difference between an old and a new schema.

    Attributes:
      feature: name of the feature.
      what: `feature`, `type`, `presence`, `shape`, `domain`, `values`, `range`, `NaN`, `infinity` or `environments`.
      old: what the old schema says; None where it says nothing.
      new: what the new schema says; None where it says nothing.
    """

    feature: str
    what: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        if self.old is None:
            return f"{self.feature}: {self.what} added: {self.new}"
        if self.new is None:
            return f"{self.feature}: {self.what} removed: {self.old}"
        return f"{self.feature}: {self.what}: {self.old} -> {self.new}"


def diff(old: schema_pb2.Schema, new: schema_pb2.Schema) -> list[Change]:
    """Lists what changes from `old` to `new`: removed features first, then the new schema's in its order."""
    before = {feature.name: feature for feature in old.feature}
    after = {feature.name: feature for feature in new.feature}
    changes = [Change(name, "feature", _type(feature), None) for name, feature in before.items() if name not in after]
    for name, feature in after.items():
        if name not in before:
            changes.append(Change(name, "feature", None, _type(feature)))
        else:
            changes.extend(_changes(old, before[name], new, feature))
    return changes


def _changes(
    old: schema_pb2.Schema, before: schema_pb2.Feature, new: schema_pb2.Schema, after: schema_pb2.Feature
) -> Iterator[Change]:
    for what, describe in (("type", _type), ("presence", _presence), ("shape", _shape)):
        was, now = describe(before), describe(after)
        if was != now:
            yield Change(after.name, what, was, now)
    yield from _domain_changes(after.name, _domain(old, before), _domain(new, after))
    was, now = _environments(old, before), _environments(new, after)
    if was != now:
        yield Change(after.name, "environments", was, now)


def _type(feature: schema_pb2.Feature) -> str:
    return schema_pb2.FeatureType.Name(feature.type)


def _presence(feature: schema_pb2.Feature) -> str:
    if not feature.HasField("presence"):
        return "optional"
    return f"in at least {feature.presence.min_fraction:.6g} of the rows and {feature.presence.min_count} rows"


def _shape(feature: schema_pb2.Feature) -> str:
    kind = feature.WhichOneof("shape_type")
    if kind == "shape":
        return "always " + (" x ".join(str(dim.size) for dim in feature.shape.dim) or "a single value")
    if kind == "value_count":
        return _interval(feature.value_count, "values")
    if kind == "value_counts":
        return ", then ".join(_interval(count, "values") for count in feature.value_counts.value_count)
    return "any number of values"


def _domain(schema: schema_pb2.Schema, feature: schema_pb2.Feature) -> tuple[str | None, object]:
    """Kind and domain of a feature; a domain that is named once for the whole schema is looked up."""
    kind = feature.WhichOneof("domain_info")
    if kind is None:
        return None, None
    if kind == "domain":
        named = {domain.name: domain for domain in schema.string_domain}
        return "string", named.get(feature.domain, schema_pb2.StringDomain())
    return kind.removesuffix("_domain"), getattr(feature, kind)


def _domain_changes(name: str, was: tuple[str | None, object], now: tuple[str | None, object]) -> Iterator[Change]:
    (old_kind, old), (new_kind, new) = was, now
    if old_kind != new_kind:
        yield Change(name, "domain", _describe(old_kind, old), _describe(new_kind, new))
    elif isinstance(old, schema_pb2.StringDomain) and isinstance(new, schema_pb2.StringDomain):
        added = [value for value in new.value if value not in set(old.value)]
        removed = [value for value in old.value if value not in set(new.value)]
        if added:
            yield Change(name, "values", None, _listed(added))
        if removed:
            yield Change(name, "values", _listed(removed), None)
    elif isinstance(old, schema_pb2.FloatDomain | schema_pb2.IntDomain):
        if _interval(old) != _interval(new):
            yield Change(name, "range", _interval(old), _interval(new))
        for what, field in (("NaN", "disallow_nan"), ("infinity", "disallow_inf")):
            before, after = getattr(old, field, False), getattr(new, field, False)
            if before != after:
                yield Change(name, what, *("refused" if refused else "allowed" for refused in (before, after)))
    elif old != new:
        yield Change(name, "domain", _describe(old_kind, old), _describe(new_kind, new))


def _describe(kind: str | None, domain: object) -> str | None:
    if isinstance(domain, schema_pb2.StringDomain):
        return f"string: {_listed(domain.value)}"
    if isinstance(domain, schema_pb2.FloatDomain | schema_pb2.IntDomain):
        return f"{kind}: {_interval(domain)}"
    return kind


def _interval(domain: object, unit: str = "") -> str:
    """Text of a proto with `min` and `max`; a value that is not set is no bound."""
    low, high = (
        _number(getattr(domain, end)) if domain.HasField(end) else None  # type: ignore[attr-defined]
        for end in ("min", "max")
    )
    if low is not None and low == high:
        text = f"exactly {low}"
    elif low is not None and high is not None:
        text = f"{low} to {high}"
    elif low is not None:
        text = f"at least {low}"
    else:
        text = f"at most {high}" if high is not None else "any number"
    return f"{text} {unit}".strip()


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def _listed(values: Iterable[str]) -> str:
    listed = list(values)
    rest = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(repr(value) for value in listed[:SHOWN]) + rest


def _environments(schema: schema_pb2.Schema, feature: schema_pb2.Feature) -> str:
    inside = feature.in_environment or [
        name for name in schema.default_environment if name not in feature.not_in_environment
    ]
    return ", ".join(sorted(inside)) or "all"
