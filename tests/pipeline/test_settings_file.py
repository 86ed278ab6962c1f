"""Settings files: what is read from them, and how mistakes in them are told."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.document import dump, override, parse
from pipeline.problems import SettingsErrors
from pipeline.settings import PipelineSettings
from pipeline.settings_file import load, presets
from schema.errors import SettingsError

GOOD = """\
name: trips
data:
  path: in/trips.csv
label: {name: tipped}
features:
  columns:
    fare: {transform: zscore}
    company: {type: string}
evaluation:
  slices: {company: company}
  thresholds:
    auc: {min: 0.6}
"""


@pytest.fixture
def file(tmp_path):
    def write(text: str) -> str:
        path = tmp_path / "trips.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def refused(pipeline: str, *overrides: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load(pipeline, overrides)
    assert "pydantic" not in str(caught.value).lower()
    assert "Input should" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", presets())
def test_presets_are_good(name):
    loaded = load(name)
    assert loaded.settings.name == name
    assert loaded.preset
    assert loaded.base == Path.cwd()


def test_the_resolved_text_writes_out_every_default_and_loads_again(file, tmp_path):
    loaded = load(file(GOOD))
    assert "batch_size: 32" in loaded.text
    again = tmp_path / "again.yaml"
    again.write_text(loaded.text, encoding="utf-8")
    assert load(str(again)).settings == loaded.settings


def test_relative_paths_start_at_the_file(file, tmp_path):
    loaded = load(file(GOOD + "schema: {path: trips.pbtxt}\n"))
    assert loaded.settings.data.path == str(tmp_path / "in/trips.csv")
    assert loaded.settings.schema_.path == str(tmp_path / "trips.pbtxt")
    assert loaded.base == tmp_path
    assert not loaded.preset


def test_relative_paths_of_an_override_start_where_it_was_typed(file, tmp_path, monkeypatch):
    path = file(GOOD)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load(path, ["data.path=a.csv"]).settings.data.path == str(tmp_path / "elsewhere/a.csv")


def test_weights_are_a_path_or_keras_own(file, tmp_path):
    image = "features.images={photo: {height: 32, width: 32}}"
    backbone = ["model.build=backbone", image]
    assert load(file(GOOD + "model: {weights: last.h5}\n")).settings.model.weights == str(tmp_path / "last.h5")
    assert load(file(GOOD), [*backbone, "model.weights=imagenet"]).settings.model.weights == "imagenet"
    assert "build: backbone" in refused(file(GOOD), "model.weights=imagenet").what
    assert ".weights.h5" in refused(file(GOOD), "model.weights=last.pb").what


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["model.build=cnn", "features.images={}"], "`model.build`: `cnn` takes one image"),
        (["model.build=cnn", "features.images={a: {}, b: {}}"], "`model.build`: `cnn` takes one image"),
        (["model.build=cnn", "features.images={a: {height: 3, width: 9}}"], "`model.convolutions.1`: needs at least"),
        (["model.build=backbone", "features.images={a: {height: 31}}"], "`model.backbone`: an image has at least"),
        (["model.build=backbone", "model.weights=imagenet", "features.images={a: {channels: 1}}"], "`channels` to 3"),
        (["model.build=cn", "features.images={a: {}}"], "did you mean `cnn`"),
        (["model={build: cnn, convolutions: [{filters: 8, activation: rellu}]}"], "`model.convolutions.0.activation`"),
        (["training.optimizer=adan"], "`training.optimizer`"),
    ],
)
def test_a_network_that_does_not_fit_the_images_is_refused(file, overrides, reason):
    assert reason in refused(file(GOOD), *overrides).what


def test_overrides_win_over_the_file_and_are_read_as_yaml(file):
    settings = load(
        file(GOOD),
        [
            "training.epochs=3",
            "evaluation.thresholds.auc.min=1e-1",
            "model.layers=[{units: 4}]",
            "model.layers.0.units=5",
        ],
    ).settings
    assert settings.training.epochs == 3
    assert settings.evaluation.thresholds["auc"].min == 0.1
    assert [layer.units for layer in settings.model.layers] == [5]


def test_words_that_yaml_1_1_takes_for_booleans_stay_words(file):
    assert load(file(GOOD), ["label.classes=[no, yes]"]).settings.label.classes == ("no", "yes")


def test_class_weights_may_be_keyed_by_numbers(file):
    assert load(file(GOOD), ["training.class_weights={0: 1, 1: 2}"]).settings.training.class_weights == {"0": 1, "1": 2}


def test_an_unknown_key_is_told_with_its_line_and_the_nearest_name(file):
    error = refused(file(GOOD + "training:\n  epoch: 3\n"))
    assert error.what == "`training.epoch` is not a setting."
    assert error.where.endswith("trips.yaml, line 14")
    assert "epochs" in error.expected
    assert error.fix == "did you mean `epochs`?"


def test_an_unknown_rule_is_told_with_the_rules_there_are(file):
    error = refused(file(GOOD), "evaluation.decision.rule=f_betta")
    assert error.what.startswith("`evaluation.decision.rule`")
    assert error.expected == "fixed, f_beta, recall_at_precision, cost"
    assert error.fix == "did you mean `f_beta`?"


def test_a_rule_without_its_name_is_told(file):
    error = refused(file(GOOD), "evaluation.decision.threshold=0.3")
    assert error.what == "`evaluation.decision.rule` is missing."


def test_a_key_of_another_rule_is_told_with_those_of_the_rule(file):
    error = refused(file(GOOD), "evaluation.decision={rule: cost, false_positive: 1, false_negative: 2, beta: 1}")
    assert error.what == "`evaluation.decision.beta` is not a setting."
    assert error.expected == "one of rule, false_positive, false_negative"


@pytest.mark.parametrize(
    ("decision", "what"),
    [
        ("{rule: recall_at_precision}", "`evaluation.decision.min_precision` is missing."),
        ("{rule: recall_at_precision, min_precision: 1.5}", "`evaluation.decision.min_precision` cannot"),
        ("{rule: f_beta, beta: 0}", "`evaluation.decision.beta` cannot"),
        ("{rule: cost, false_positive: 0, false_negative: 0}", "both are 0"),
        ("{rule: fixed, threshold: 1}", "`evaluation.decision.threshold` cannot"),
    ],
)
def test_a_rule_that_cannot_choose_is_refused(file, decision, what):
    assert what in refused(file(GOOD), f"evaluation.decision={decision}").what


MULTICLASS = ("label.task=multiclass", "label.classes=[a, b, c]", "evaluation.thresholds={accuracy: {min: 0.4}}")


def test_only_a_binary_task_has_a_decision_threshold(file):
    error = refused(file(GOOD), *MULTICLASS, "evaluation.decision.rule=f_beta")
    assert "only a binary task" in error.what
    assert error.received == "a multiclass task"
    assert "rule: fixed" in load(file(GOOD), MULTICLASS).text, "the default, which loads again"


def test_a_threshold_on_accuracy_under_fgsm_needs_the_attack(file):
    bound = "evaluation.thresholds.fgsm_accuracy.min=0.5"
    error = refused(file(GOOD), bound)
    assert "`fgsm_accuracy` is computed where `evaluation.adversarial` is set" in error.what
    attack = "evaluation.adversarial.epsilon=0.1"
    assert load(file(GOOD), [bound, attack]).settings.evaluation.thresholds["fgsm_accuracy"].min == 0.5
    assert "no metric that training watches" in refused(file(GOOD), attack, "evaluation.max_gap.fgsm_accuracy=0").what
    regression = ("label.task=regression", "evaluation.thresholds={mean_squared_error: {max: 1}}")
    assert "a regression has no accuracy" in refused(file(GOOD), *regression, attack).what


def test_a_wrong_type_is_told_with_what_was_expected_and_found(file):
    error = refused(file(GOOD + "training:\n  batch_size: 32\n  epochs: many\n"))
    assert error.what.startswith("`training.epochs`")
    assert error.where.endswith("line 15")
    assert error.expected == "a whole number"
    assert error.received == "the text `many`"


def test_a_wrong_choice_names_the_nearest_right_one(file):
    error = refused(file(GOOD + "training: {optimizer: adm}\n"))
    assert error.expected.startswith("adam, ")
    assert error.fix == "did you mean `adam`?"


@pytest.mark.parametrize("written", ["'3'", "true"])
def test_text_and_booleans_are_not_taken_for_numbers(file, written):
    error = refused(file(GOOD + f"training: {{epochs: {written}}}\n"))
    assert error.expected in ("a number", "a whole number")
    assert error.where.endswith("line 13")


def test_a_missing_section_is_told(file):
    error = refused(file(GOOD.replace("label: {name: tipped}\n", "")))
    assert error.what == "`label` is missing."


def test_the_label_among_the_features_is_told_at_the_feature(file):
    error = refused(file(GOOD.replace("tipped", "fare")))
    assert "the model would see the answer" in error.what
    assert error.where.endswith("line 7")


def test_a_threshold_out_of_range_is_told(file):
    error = refused(file(GOOD.replace("min: 0.6", "min: 6")))
    assert "between 0 and 1" in error.what
    assert error.received == "6.0"
    assert error.where.endswith("line 12")


def test_settings_that_would_never_bless_are_refused(file):
    error = refused(file(GOOD.partition("  thresholds")[0]))
    assert "no model would ever be blessed" in error.what


def test_a_transform_that_does_not_fit_its_column_is_told_at_the_column(file):
    error = refused(file(GOOD.replace("zscore", "one_hot")))
    assert error.what.startswith("`features.columns.fare`: `one_hot` needs")
    assert error.where.endswith("line 7")


def test_a_cross_of_an_unknown_column_is_told(file):
    text = GOOD.replace("evaluation:", "  crosses:\n    both: {of: [company, fares]}\nevaluation:")
    assert "`fares`, which is not among the columns" in refused(file(text)).what


def test_the_members_of_a_union_make_one_problem(file):
    error = refused(file(GOOD), "training.class_weights=balancd")
    assert error.expected == "balanced or a mapping (`key: value` lines)"
    assert error.fix == "did you mean `balanced`?"


def test_a_key_given_twice_is_refused(file):
    error = refused(file(GOOD + "name: again\n"))
    assert error.what == "`name` is given twice."
    assert error.where.endswith("line 13")
    assert "line 1" in error.received


def test_all_problems_are_told_at_once(file):
    error = refused(file(GOOD.replace("zscore", "zscor") + "trainin: {}\ndrift: {action: shout}\n"))
    assert isinstance(error, SettingsErrors)
    assert len(error.problems) == 3
    assert "3 problems" in str(error)
    for told in ("did you mean `zscore`?", "did you mean `training`?", "log, warn, block"):
        assert told in str(error)


def test_no_more_than_ten_problems_are_printed(file):
    error = refused(file(GOOD + "".join(f"wrong{number}: 1\n" for number in range(15))))
    assert "15 problems" in str(error)
    assert str(error).count("is not a setting") == 10


def test_a_wrong_override_is_told_by_itself_and_not_by_a_line(file):
    for assignment in ("training.epochs=0", "trainin.epochs=3", "label.name=fare", "model.layers=[{unts: 3}]"):
        error = refused(file(GOOD), assignment)
        told = error.problems[0] if isinstance(error, SettingsErrors) else error
        assert told.where == f"--set {assignment}"


@pytest.mark.parametrize("assignment", ["epochs", "=3", "training..epochs=3", "training.epochs=["])
def test_an_override_that_cannot_be_read_is_refused(file, assignment):
    assert refused(file(GOOD), assignment).where == f"--set {assignment}"


def test_an_override_cannot_reach_into_a_scalar_or_beyond_a_list(file):
    text = GOOD + "model: {layers: [{units: 4}]}\n"
    assert "nothing can be set inside it" in refused(file(text), "name.a=3").what
    assert "a list of 1" in refused(file(text), "model.layers.3.units=4").what


def test_broken_yaml_is_told_with_line_and_column(file):
    error = refused(file("name: a\ndata: [1\nlabel: b\n"))
    assert "not valid YAML" in error.what
    assert "line 3, column" in error.where


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n", "word\n"])
def test_a_file_without_sections_is_refused(file, text):
    refused(file(text))


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "trips.yaml"
    path.write_bytes(b"name: \xff\xfe")
    assert "not UTF-8" in refused(str(path)).what


def test_a_file_that_is_not_there_lists_presets_and_near_names(file, tmp_path):
    file(GOOD)
    error = refused(str(tmp_path / "trip.yaml"))
    assert ", ".join(presets()) in error.expected
    assert error.fix == f"did you mean `{tmp_path / 'trips.yaml'}`?"
    assert refused("taxy").fix == "did you mean `taxi`?"
    assert refused(str(tmp_path)).received == "a folder"


def test_the_preset_of_the_article_is_exactly_the_article_s():
    settings = load("classification").settings
    assert [(layer.units, layer.activation) for layer in settings.model.layers] == [(10, "relu")]
    assert (settings.training.optimizer, settings.training.epochs, settings.training.batch_size) == ("adam", 10, 32)
    assert settings.training.early_stopping is None
    split = settings.data.split
    assert (split.train, split.eval, split.test) == (56, 14, 30)  # 30 % test; 20 % of the others for validation
    assert len(settings.features.columns) == 20


def test_tips_are_no_feature_of_the_taxi_preset():
    settings = load("taxi").settings
    assert "tips" not in settings.features.columns
    training = settings.training
    assert training.steps_per_epoch * training.epochs == 1000
    assert training.batch_size == 40
    assert training.early_stopping.patience >= training.epochs


keys = st.text("abcdefg", min_size=1, max_size=3)
words = st.text(
    st.characters(exclude_characters="\x85\u2028\u2029", codec="utf-8"), max_size=5
)  # PyYAML breaks lines there
trees = st.recursive(
    st.integers() | words | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(keys, trees, min_size=1, max_size=3))
@example({"a": "0E0"})  # text that YAML 1.2 takes for a number where it stands bare, and YAML 1.1 does not
def test_yaml_is_read_as_it_was_written_and_every_key_has_a_line(tree):
    document = parse(dump(tree), "file")
    assert document.data == tree
    for key in tree:
        assert (key,) in document.lines


@given(st.dictionaries(keys, trees, min_size=1, max_size=3), keys, st.integers())
def test_an_override_sets_one_value_and_leaves_its_document_alone(tree, key, value):
    document = parse(dump(tree), "file")
    changed = override(document, [f"{key}={value}"])
    assert changed.data == {**tree, key: value}
    assert document.data == tree


@settings(deadline=None)
@given(trees)
def test_any_value_in_any_section_is_refused_with_a_message_or_taken(value):
    for section in PipelineSettings.model_fields:
        name = "schema" if section == "schema_" else section
        try:
            load("taxi", [f"{name}={yaml.safe_dump(value, default_flow_style=True).removesuffix('...' + chr(10))}"])
        except SettingsError as error:
            assert str(error)
            assert "Input should" not in str(error)
