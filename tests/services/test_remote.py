"""A pipeline whose data, artifacts and releases lie in an S3 bucket: a real server, whole runs."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import s3_service
import small_pipeline
from s3_service import S3
from small_pipeline import Pipeline, invoke, sales, started

from schema.remote import addresses, files
from serving import elsewhere, releases

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Remote:
    """A small pipeline in a bucket.

    Attributes:
      pipeline: its settings, and its local workspace.
      s3: the server.
      bucket: holds `in/`, `artifacts/` and `models/`.
    """

    pipeline: Pipeline
    s3: S3
    bucket: str

    def span(self, number: int, seed: int = 1) -> None:
        """Puts a span of data into the bucket."""
        file = self.pipeline.span(number, sales(seed=seed))
        self.s3.put(self.bucket, {f"in/span-{number}/sales.csv": file.read_bytes()})

    def names(self, prefix: str) -> list[str]:
        """The rest of the names of the objects that begin with a prefix."""
        return sorted(self.s3.contents(self.bucket, prefix))

    @property
    def models(self) -> str:
        """Address of the serving directory."""
        return f"s3://{self.bucket}/models"

    @property
    def in_service(self) -> int | None:
        """The version that is in service."""
        release = releases.in_service(self.models, "sales")
        return release.version if release else None


@pytest.fixture(scope="module")
def environment(s3: S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3.environment.items():
            patch.setenv(name, value)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def remote(environment: None, s3: S3, tmp_path_factory: pytest.TempPathFactory) -> Remote:
    """A pipeline that has run once."""
    bucket = s3.bucket()
    found = Remote(small_pipeline.make(tmp_path_factory.mktemp("remote")), s3, bucket)
    found.span(1)

    def edit(settings: dict[str, Any]) -> None:
        settings["data"] = {"path": f"s3://{bucket}/in/span-{{SPAN}}/*.csv"}
        settings["artifacts"] = f"s3://{bucket}/artifacts"
        settings["release"] = {"directory": f"s3://{bucket}/models", "keep": 2}

    found.pipeline.change(edit)
    ended = found.pipeline.run()
    assert (ended.code, ended.json["status"]) == (0, "pushed"), ended.stderr
    return found


def test_a_run_leaves_everything_in_the_bucket(remote: Remote) -> None:
    names = remote.names("models/")
    assert {"models.config", "sales/1/saved_model.pb", "sales/1/assets.extra/manifest.json"} <= set(names)
    assert not [name for name in names if elsewhere.SENDING in name or ".lock" in name]
    config = remote.s3.contents(remote.bucket, "models/models.config")[""].decode()
    assert f'base_path: "{remote.models}/sales"' in config
    assert {name.split("/")[0] for name in remote.names("artifacts/sales/")} >= set(small_pipeline.STEPS) - {
        "in_service"
    }
    local = {path.name for path in remote.pipeline.workspace.root.iterdir()}
    assert not local & {"artifacts", "serving"}


def test_nothing_on_record_names_a_copy(remote: Remote) -> None:
    """What this machine's cache is called must mean nothing to another machine."""
    cache = str(addresses.cache()).encode()
    named = {Path(name).name for name, content in remote.s3.contents(remote.bucket).items() if cache in content}
    assert named <= {"saved_model.pb", "eval_config.json"}  # where TensorFlow and TFMA were when they wrote them
    assert cache not in remote.pipeline.workspace.metadata.read_bytes()


def test_a_run_without_change_has_nothing_to_do(remote: Remote) -> None:
    before = remote.s3.contents(remote.bucket)
    ended = remote.pipeline.run()
    assert (ended.code, ended.ran, ended.json["nothing_to_do"]) == (0, [], True)
    assert remote.s3.contents(remote.bucket) == before


def test_commands_look_back_from_a_machine_without_copies(
    remote: Remote, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    workspace = ["--workspace", str(remote.pipeline.workspace.root)]
    [run] = remote.pipeline.history.runs()
    assert run.version == 1
    shown = invoke(["show", run.run_id, *workspace])
    assert (shown.code, f"{remote.models}/sales/1" in shown.stdout) == (0, True)
    lineage = invoke(["lineage", "sales@1", *workspace])
    assert f"s3://{remote.bucket}/in/span-1/sales.csv" in lineage.stdout
    assert (lineage.code, "is gone" in lineage.stdout) == (0, False)
    assert invoke(["drift", "sales", *workspace]).code == 0
    assert invoke(["report", run.run_id, *workspace]).code == 0
    fetched = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix not in (".json", ".lock")]
    assert not [path for path in fetched if "Split-train" in str(path) and "examples" in str(path)]


def test_a_new_span_is_compared_with_the_one_in_service(remote: Remote) -> None:
    remote.span(2, seed=2)
    ended = remote.pipeline.run()
    assert (ended.code, ended.json["release"]["version"], remote.in_service) == (0, 2, 2)
    assert ended.json["drift"]["reference"] == "span 1 (in service)"
    assert releases.verify(releases.in_service(remote.models, "sales")) != []  # the models themselves were not fetched


def test_a_run_that_is_killed_leaves_nothing_that_is_served(remote: Remote) -> None:
    """Killed in the middle of a step; the next run removes what was sent, and completes."""
    remote.span(3, seed=3)
    before = remote.s3.contents(remote.bucket, "models/")
    with started(remote.pipeline, "train: started", "--no-report") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert remote.s3.contents(remote.bucket, "models/") == before
    ended = remote.pipeline.run()
    assert (ended.code, remote.in_service) == (0, 3)
    versions = {name.split("/")[1] for name in remote.names("models/") if name.count("/") > 1}
    assert versions == {"2", "3"}  # keep: 2


def test_a_release_that_is_cut_short_is_never_served(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    """The upload ends before the manifest: the version is not in service, and the next release removes it."""
    remote.span(4, seed=4)
    upload = files.upload

    def cut(address: str, sources: dict[str, Path]) -> None:
        if any(name.endswith("saved_model.pb") for name in sources) and address == remote.models:
            upload(address, {name: path for name, path in sources.items() if name.endswith("saved_model.pb")})
            raise OSError("the network is gone")
        upload(address, sources)

    with monkeypatch.context() as patch:
        patch.setattr(files, "upload", cut)
        ended = remote.pipeline.run()
    assert (ended.code, remote.in_service) == (1, 3)
    assert "sales/4/saved_model.pb" in remote.names("models/")
    ended = remote.pipeline.run()
    assert (ended.code, remote.in_service) == (0, 4)
    assert not [name for name in remote.names("models/") if elsewhere.SENDING in name]
    assert "sales/4/variables/variables.index" in remote.names("models/")


def test_another_workspace_cannot_overwrite_the_artifacts(remote: Remote, tmp_path: Path) -> None:
    other = Pipeline(tmp_path)
    shutil.copy(remote.pipeline.file, other.file)
    ended = other.run()
    assert ended.code == 1
    assert "These artifacts belong to another workspace." in ended.json["error"]


@pytest.mark.parametrize(
    ("setting", "value", "code", "message"),
    [
        ("data.path", "s3://there-is-no-such-bucket/x.csv", 2, "There is no such bucket."),
        ("data.path", "s3://BUCKET/in/span-9/*.csv", 2, "No input file was found."),
        ("schema.path", "s3://BUCKET/none.pbtxt", 2, "The curated schema does not exist."),
        ("model.weights", "s3://BUCKET/none.weights.h5", 2, "The file with the weights is not there."),
        ("release.directory", "s3://there-is-no-such-bucket/models", 2, "There is no such bucket."),
    ],
)
def test_what_is_not_there(remote: Remote, setting: str, value: str, code: int, message: str) -> None:
    ended = remote.pipeline.command("run", "--set", f"{setting}={value.replace('BUCKET', remote.bucket)}")
    assert (ended.code, message in ended.stderr) == (code, True), ended.stderr
    assert remote.bucket in ended.stderr or "there-is-no-such-bucket" in ended.stderr


def test_a_bucket_that_is_gone_in_the_middle_fails_the_run(remote: Remote) -> None:
    bucket = remote.s3.bucket()
    place, before = f"s3://{bucket}/artifacts", remote.in_service
    with started(remote.pipeline, "statistics: started", "--no-cache", "--set", f"artifacts={place}") as process:
        remote.s3.drop(bucket)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 1, out
    assert "There is no such bucket." in out
    assert remote.in_service == before


def test_a_server_that_does_not_answer(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_service.serving() as gone:
        pass
    monkeypatch.setenv("AWS_ENDPOINT_URL", gone.endpoint)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    ended = remote.pipeline.fresh("run")
    assert (ended.code, "The remote storage failed, after retries." in ended.stderr) == (1, True), ended.stderr


def test_no_credentials(remote: Remote, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    ended = remote.pipeline.fresh("run")
    assert (ended.code, "There are no credentials for s3://." in ended.stderr) == (2, True), ended.stderr
    assert "AWS_ACCESS_KEY_ID" in ended.stderr
