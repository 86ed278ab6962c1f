"""Notebooks of the tree, executed, and a Jupyter server that shows them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

TOKEN = "only-for-this-test"  # noqa: S105 -- the server lives as long as the test


def environment(folder: Path) -> dict[str, str]:
    """Variables under which Jupyter keeps everything in a folder, and kernels import this tree."""
    return {
        "PYTHONPATH": str(NOTEBOOKS.parent),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
    }


def execute(name: str, variables: Mapping[str, str]) -> Any:
    """A notebook of the tree with its outputs.

    Raises:
      CellExecutionError: a cell raised.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute(env={**os.environ, **variables})
    return notebook


def saved_page(notebook: Any) -> str:
    """A notebook as nbconvert writes it, but for two scripts of nbconvert's own that it takes from the network."""
    from nbconvert import HTMLExporter

    nothing = "data:text/javascript,"
    page: str = HTMLExporter(require_js_url=nothing, mathjax_url=nothing).from_notebook_node(notebook)[0]
    return page


@contextmanager
def jupyter(folder: Path, variables: Mapping[str, str]) -> Iterator[str]:
    """A Jupyter server on loopback with both JupyterLab and Notebook, and its address.

    Args:
      folder: that it shows.
      variables: of its environment.
    """
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0", f"--IdentityProvider.token={TOKEN}"]
    with (folder / "jupyter.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "notebook", *options, f"--ServerApp.root_dir={folder}"],
            env={**os.environ, **variables},
            stdout=log,
            stderr=log,
        )
    try:
        yield _address(folder / "jupyter.log", server)
    finally:
        server.terminate()
        server.wait(30)


def _address(log: Path, server: subprocess.Popen[bytes]) -> str:
    """Where the server answers, as soon as it does."""
    for _ in range(600):
        assert server.poll() is None, log.read_text()
        said = [word for word in log.read_text().split() if word.startswith("http://127.0.0.1:")]
        if said:
            address = said[0].split("/tree")[0]
            with suppress(OSError), urllib.request.urlopen(f"{address}/api?token={TOKEN}", timeout=10):  # noqa: S310
                return address
        time.sleep(0.1)
    raise TimeoutError(log.read_text())
