"""What data are compared with: chosen by the settings, and told where it is not what one would expect."""

import json

import pytest
from small_statistics import statistics, statistics_artifact
from tfx.types import standard_artifacts

from components import decisions, in_service
from components.artifacts import DriftReport, MonitorReport
from components.drift.component import Executor
from components.drift.settings import DriftSettings, DriftStepSettings
from schema.errors import HeadgateError, SettingsError

SPAN = 4


def rows(shift, **more):
    return statistics(fare=[shift + step % 7 for step in range(200)], tipped=[0, 1] * 100, **more)


@pytest.fixture
def run(tmp_path):
    """Runs the executor on span 4 and returns what it wrote: `drift.json`, and the decisions.

    `spans` are statistics by span, of which the inputs `in_service` and `previous_span` take one each by its number.
    """

    def run(
        spans,
        *,
        current=None,
        in_service=None,
        previous=None,
        model=False,
        monitor=None,
        slices=(),
        damaged=None,
        **drift,
    ):
        settings = DriftStepSettings(
            drift=DriftSettings(**drift),
            features=("fare",),
            label="tipped",
            slices=slices,
            log=str(tmp_path / "taxi.jsonl"),
            tensorboard=str(tmp_path / "tensorboard"),
        )
        stored = {
            span: statistics_artifact(tmp_path / f"span-{span}", {"train": found}, span=span)
            for span, found in spans.items()
        }
        if damaged is not None:
            (tmp_path / f"span-{damaged}" / "Split-train" / "FeatureStats.pb").write_bytes(b"\xff damaged")
        own = statistics_artifact(tmp_path / "own", {"train": current or rows(0)}, span=SPAN)
        examples, report = standard_artifacts.Examples(), DriftReport()
        examples.span, report.uri = SPAN, str(tmp_path / "report")
        inputs = {"statistics": [own], "examples": [examples], "spans": [stored[span] for span in sorted(stored)]}
        inputs["in_service"] = [stored[in_service]] if in_service is not None else []
        inputs["previous_span"] = [stored[previous]] if previous is not None else []
        inputs["model"] = [standard_artifacts.Model()] if model else []
        inputs["monitor"] = [monitor] if monitor else []
        Executor().Do(inputs, {"report": [report]}, {"settings": settings.model_dump_json(), "code": ""})
        return json.loads((tmp_path / "report" / "drift.json").read_text()), decisions.read(report.uri)

    return run


def kind_and_span(content):
    return content["reference"] and (content["reference"]["kind"], content["reference"]["span"])


def remarks(found):
    return [(decision.outcome, decision.message) for decision in found if decision.rule == "reference"]


SPANS = {1: rows(0), 2: rows(5), 3: rows(9)}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("in_service", ("in_service", 2)), ("previous_span", ("previous_span", 3)), (1, ("pinned_span", 1))],
)
def test_the_settings_choose_the_reference(run, wanted, expected):
    content, found = run(SPANS, in_service=2, previous=3, model=True, reference=wanted)
    assert kind_and_span(content) == expected
    assert content["drifted"] == ([] if wanted == 1 else ["fare"])
    assert remarks(found) == []


def test_without_a_model_in_service_the_previous_span_stands_in(run):
    content, found = run(SPANS, previous=3)
    assert kind_and_span(content) == ("previous_span", 3) and remarks(found) == []


def test_statistics_of_the_model_in_service_that_are_gone_are_told(run):
    content, found = run(SPANS, previous=3, model=True)
    assert kind_and_span(content) == ("previous_span", 3)
    [(outcome, message)] = remarks(found)
    assert outcome == "flag" and "are gone: compared with span 3 instead" in message
    content, found = run({}, model=True)
    assert kind_and_span(content) is None and "are gone: nothing to compare with" in remarks(found)[0][1]


def test_a_pinned_span_that_no_longer_exists_is_an_error_that_names_those_there_are(run):
    with pytest.raises(SettingsError) as caught:
        run(SPANS, reference=9)
    assert caught.value.where == "drift.reference"
    assert caught.value.expected == "a span with statistics: 1, 2, 3, 4"
    assert "--set data.span=9 --to statistics" in caught.value.fix


def test_the_pinned_span_itself_is_compared_with_itself(run):
    content, found = run(SPANS, reference=SPAN)
    assert kind_and_span(content) == ("pinned_span", SPAN)
    assert all(record["score"] == 0 for record in content["features"]) and remarks(found) == []


def test_a_span_that_comes_late_is_told_from_its_newer_reference(run):
    content, found = run(SPANS | {7: rows(0)}, in_service=7, model=True)
    assert kind_and_span(content) == ("in_service", 7) and content["drifted"] == []
    assert remarks(found) == [("pass", "Span 4 came late: it is compared with the newer span 7.")]


def test_a_span_that_comes_again_is_compared_with_what_it_was(run):
    content, found = run({SPAN: rows(9)}, in_service=SPAN, model=True)
    assert content["drifted"] == ["fare"]
    assert remarks(found) == [("pass", "Span 4 came before: its data are compared with what they were then.")]


def test_an_empty_span_drifts_by_that_fact(run):
    content, found = run(SPANS, current=statistics(fare=[], tipped=[]), previous=3)
    assert {tuple(record["by"]) for record in content["features"]} == {("no_rows",)}
    assert all(record["score"] == 1000 for record in content["features"])
    assert "The data have no rows." in found[0].message


def test_what_the_spans_before_the_reference_differ_by_is_usual(run):
    changing = {span: rows(span % 2 * 2) for span in range(4)}
    content, _ = run(changing, current=rows(1), in_service=3, model=True)
    assert content["drifted"] == []


def test_spans_after_the_reference_teach_nothing(run):
    drifting = {0: rows(0), 1: rows(2), 2: rows(4), 3: rows(6)}
    content, _ = run(drifting, current=rows(8), in_service=0, model=True)
    assert content["drifted"] == ["fare"]
    [fare] = [each for each in content["features"] if each["feature"] == "fare"]
    alone, _ = run({0: rows(0)}, current=rows(8), in_service=0, model=True)
    assert fare["noise"] == next(each for each in alone["features"] if each["feature"] == "fare")["noise"]


def test_a_reference_that_cannot_be_read_is_an_error_that_names_the_file(run):
    with pytest.raises(HeadgateError, match="statistics of span 3 cannot be read") as caught:
        run(SPANS, previous=3, damaged=3)
    assert caught.value.where.endswith("span-3/Split-train/FeatureStats.pb")
    assert "delete the folder" in caught.value.fix


def test_an_earlier_span_that_cannot_be_read_is_left_out(run):
    content, _ = run(SPANS, previous=3, damaged=1)
    assert content["drifted"] == ["fare"]


def test_slices_are_compared_apart(run):
    both = statistics(fare=[1.0] * 50 + [2.0] * 50, paid=["cash", "card"] * 50, tipped=[0, 1] * 50)
    now, then = sliced(both, cash=rows(5), card=rows(0)), sliced(both, cash=rows(0), card=rows(0), app=rows(0))
    content, found = run({3: then}, current=now, previous=3, slices=(("paid",),), action="warn")
    assert [(each["feature"], each["slice"]) for each in content["features"] if each["drifted"]] == [
        ("fare", "paid=cash")
    ]
    assert (content["drifted"], content["compared"], content["share"]) == ([], 2, 0)
    assert {each["slice"] for each in content["features"]} == {None, "paid=cash", "paid=card"}
    assert [(each.subject, each.outcome) for each in found] == [("fare (paid=cash)", "warn")]


def test_a_reference_from_before_slices_were_asked_for_is_told(run):
    content, found = run({3: rows(0)}, previous=3, slices=(("paid",),))
    assert {each["slice"] for each in content["features"]} == {None}
    assert remarks(found) == [
        ("pass", "The statistics of span 3 (previous span) tell no slices apart: only whole columns are compared.")
    ]


def sliced(whole, **slices):
    """Statistics of a whole data set and its slices by `paid`, as TFDV names them."""
    whole.datasets[0].name = "All Examples"
    for value, of_slice in slices.items():
        dataset = whole.datasets.add()
        dataset.CopyFrom(of_slice.datasets[0])
        dataset.name = f"paid_{value}"
    return type(whole).FromString(whole.SerializeToString())


@pytest.fixture
def monitor(tmp_path):
    """The monitor's report, whose model answers otherwise than it did."""
    report = MonitorReport()
    report.uri = str(tmp_path / "monitor")
    report.passed = report.train = report.trainable = 1
    for side, score in (("current", 0.9), ("reference", 0.2)):
        folder = tmp_path / "monitor" / side
        folder.mkdir(parents=True)
        found = statistics(**{"prediction/score": [score] * 200, "embedding/distance": [1.0, 2.0] * 100})
        (folder / "FeatureStats.pb").write_bytes(found.SerializeToString())
    return report


def test_predictions_and_embeddings_are_compared_and_recorded(run, monitor):
    content, found = run({3: rows(0)}, previous=3, monitor=monitor, action="block")
    groups = {record["feature"]: (record["group"], record["drifted"]) for record in content["features"]}
    assert groups == {
        "prediction/score": ("prediction", True),
        "embedding/distance": ("embedding", False),
        "fare": ("feature", False),
        "tipped": ("label", False),
    }
    assert content["drifted"] == ["prediction/score"]
    [decision] = found
    assert (decision.subject, decision.outcome, decision.rows) == ("prediction/score", "pass", 200)
    assert decision.margin == pytest.approx(0.01 - 1, abs=0.1)


def test_predictions_may_warn_or_block_all_together_or_one_by_one(run, monitor):
    _, found = run({3: rows(0)}, previous=3, monitor=monitor, monitored="warn")
    assert found[0].outcome == "warn"
    _, found = run({3: rows(0)}, previous=3, monitor=monitor, features={"prediction/score": {"action": "block"}})
    assert found[0].outcome == "block"


def test_the_newest_statistics_of_each_other_span_are_at_hand(tmp_path):
    stored = []
    for number, (span, there) in enumerate([(2, True), (1, True), (2, True), (4, True), (3, False), (1, False)]):
        artifact = standard_artifacts.ExampleStatistics()
        artifact.id, artifact.span, artifact.uri = number, span, str(tmp_path / str(number))
        if there:
            (tmp_path / str(number)).mkdir()
        stored.append(artifact)
    examples = standard_artifacts.Examples()
    examples.span = SPAN
    strategy = in_service.InServiceStrategy(str(tmp_path / "serving"), "taxi")
    inputs = {
        **{name: [] for name in ("model", "statistics", "released")},
        "previous_span": stored,
        "spans": stored,
        "examples": [examples],
    }
    found = strategy.resolve_artifacts(None, inputs)
    assert [artifact.id for artifact in found["spans"]] == [1, 2]
    assert [artifact.id for artifact in found["previous_span"]] == [2]
