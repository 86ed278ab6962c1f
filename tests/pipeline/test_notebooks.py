"""A run in a notebook: the helpers, and the notebooks of the tree, executed and looked at in a browser."""

from __future__ import annotations

import re

import pytest
from browser import chromium, needs_chromium
from executed_notebooks import NOTEBOOKS, TOKEN, environment, execute, jupyter, saved_page

from pipeline import notebook
from schema.errors import DataError, SettingsError

FRAMES = {"data_and_drift": 4, "metrics_by_slice": 2, "models_and_threshold": 4}
"""Groups of charts in each notebook."""


@pytest.fixture
def run(settled) -> notebook.Run:
    """The latest run of the small pipeline."""
    return notebook.open(settled.workspace.root)


def charts_of(shown: object) -> int:
    return shown._repr_html_().count("class=&quot;chart&quot;")


def test_a_run_says_how_it_ended(run):
    assert "sales: pushed" in repr(run)
    assert "<summary>Decisions</summary>" in run._repr_html_()


def test_data_are_shown_against_the_reference(run):
    page = run.data()._repr_html_()

    assert charts_of(run.data()) == len(run.features) >= 5
    assert "mean in the reference" in page
    assert charts_of(run.data(["shop", "amount"])) == 2


def test_drift_is_shown_over_all_spans_and_for_one_feature(run):
    assert charts_of(run.drift()) == 2
    assert "amount: Jensen-Shannon" in run.drift("amount")._repr_html_()
    assert "nothing to show" in repr(run.drift("no such feature"))


def test_the_model_in_service_is_shown_by_span(run):
    assert "AUC of the model in service" in run.in_service()._repr_html_()


def test_slices_and_the_model_in_service_are_shown(run):
    assert "AUC by slice" in run.slices()._repr_html_()
    assert "F1 by slice" in run.slices("f1")._repr_html_()
    assert charts_of(run.compare()) == 2
    assert charts_of(run.curves()) == 5
    assert charts_of(run.training()) >= 2


def test_thresholds_are_shown_with_what_mistakes_cost(run):
    page = run.threshold(false_positive=1, false_negative=20)._repr_html_()

    assert "What mistakes cost" in page
    assert "<td>least cost</td>" in page
    assert run.costs(1, 20).least().cost <= run.costs(1, 20).at([0.999])[0].cost


def test_any_eval_result_of_tfma_is_shown_by_slice(run):
    result = run.eval_result()

    shown = notebook.metrics_by_slice(result, "auc", baseline=run.eval_result(baseline=True))._repr_html_()

    assert "AUC by slice" in shown
    assert "<td>shop</td><td>north</td>" in shown


def test_an_earlier_run_has_no_model_in_service_to_compare_with(settled):
    first = notebook.open(settled.workspace.root, run=settled.history.runs()[-1].run_id)

    assert "no model in service" in repr(first.compare())
    assert "Nothing was compared" in repr(first.drift())
    assert charts_of(first.data()) == len(first.features)
    with pytest.raises(DataError, match="no model in service"):
        first.eval_result(baseline=True)


def test_what_is_not_there_is_told(settled, tmp_path):
    with pytest.raises(SettingsError, match="No run is here"):
        notebook.open(tmp_path)
    with pytest.raises(SettingsError, match="no such run"):
        notebook.open(settled.workspace.root, run="nonsense")


def test_a_run_that_was_not_judged_says_so(settled):
    settled.change(lambda settings: settings["training"].update(epochs=2))
    assert settled.run("--to", "gate").code == 0
    run = notebook.open(settled.workspace.root)

    with pytest.raises(DataError, match="no record of the step judge"):
        run.slices()
    with pytest.raises(DataError, match="no record of the step train"):
        run.training()
    assert charts_of(run.data()) == len(run.features)


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("name", FRAMES)
def test_a_notebook_saved_as_a_page_draws_every_chart(name, settled, tmp_path):
    variables = environment(tmp_path) | {"HEADGATE_WORKSPACE": str(settled.workspace.root)}
    executed = execute(name, variables)
    page = tmp_path / f"{name}.html"
    page.write_text(saved_page(executed), "utf-8")

    assert not [
        output for cell in executed.cells for output in cell.get("outputs", ()) if output.get("name") == "stderr"
    ]
    with chromium(width=400) as (opened, seen):
        opened.goto(page.as_uri())
        frames = drawn(opened, FRAMES[name])

    assert all(frames)
    assert (seen.refused, seen.errors) == ([], [])


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("where", ["lab/tree", "notebooks"])
def test_jupyterlab_and_notebook_draw_every_chart_and_show_tables_where_they_do_not_trust(where, settled, tmp_path):
    import nbformat
    from nbformat.sign import NotebookNotary

    variables = environment(tmp_path) | {"HEADGATE_WORKSPACE": str(settled.workspace.root)}
    executed = execute("data_and_drift", variables)
    nbformat.write(executed, tmp_path / "of-somebody.ipynb")
    executed.cells[0].source += " Signed."
    (tmp_path / "data").mkdir(exist_ok=True)
    NotebookNotary(data_dir=str(tmp_path / "data")).sign(executed)  # as if it had been executed there
    nbformat.write(executed, tmp_path / "executed.ipynb")

    with jupyter(tmp_path, variables) as address, chromium(allowed=address) as (opened, seen):
        opened.goto(f"{address}/{where}/of-somebody.ipynb?token={TOKEN}")
        opened.locator("summary", has_text="The numbers").first.wait_for(timeout=120_000)
        untrusted = opened.locator("iframe.headgate").count()
        opened.goto(f"{address}/{where}/executed.ipynb?token={TOKEN}")
        frames = drawn(opened, FRAMES["data_and_drift"])

    assert all(frames)
    assert untrusted == 0
    assert not [error for error in seen.errors if "headgate" in error]


def drawn(page, count: int) -> list[int]:
    """Charts that each frame of a page has drawn; it is scrolled to each, as a reader would."""
    page.wait_for_function(f"document.querySelectorAll('iframe.headgate').length == {count}", timeout=120_000)
    found = []
    for frame in page.query_selector_all("iframe.headgate"):
        frame.scroll_into_view_if_needed()
        inner = frame.content_frame()
        places = inner.locator(".chart").count()
        inner.wait_for_function(f"document.querySelectorAll('.chart svg path').length > {places}")
        found.append(inner.locator(".chart svg").count())
    return found


def test_notebooks_are_kept_without_outputs():
    for path in NOTEBOOKS.glob("*.ipynb"):
        assert re.search(r'"outputs": \[\s*[^\]\s]', path.read_text("utf-8")) is None, path
