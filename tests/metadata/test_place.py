"""Which database a workspace's runs are in."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.metadata.place import Metadata
from pipeline.metadata.settings import MetadataSettings
from pipeline.workspace import Workspace
from schema.errors import SettingsError

URL = "postgresql://headgate@db.example.com:5432/runs"
OTHER = "mysql://headgate@db.example.com:3306/runs"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w").ensure()


@pytest.fixture(autouse=True)
def no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADGATE_METADATA_PASSWORD", raising=False)


def test_a_sqlite_file_in_the_workspace_unless_told_otherwise(workspace: Workspace) -> None:
    metadata = Metadata.of(workspace, MetadataSettings())
    assert metadata.where == str(workspace.metadata)
    assert not metadata.exists
    assert metadata.plain_config.sqlite.filename_uri == str(workspace.metadata)


def test_a_new_workspace_takes_the_server_that_the_settings_name_and_remembers_it(workspace: Workspace) -> None:
    metadata = Metadata.of(workspace, MetadataSettings(url="postgres://headgate@db.example.com/runs"))
    metadata.remember(workspace)
    assert Metadata.of(workspace).where == URL
    assert Metadata.of(workspace, MetadataSettings()).where == URL


def test_runs_in_a_sqlite_file_are_not_left_behind(workspace: Workspace) -> None:
    workspace.metadata.touch()
    with pytest.raises(SettingsError) as error:
        Metadata.of(workspace, MetadataSettings(url=URL))
    assert error.value.fix == f"copy them: headgate metadata copy --workspace {workspace.root} --to {URL}"


def test_nor_those_on_another_server(workspace: Workspace) -> None:
    Metadata.of(workspace, MetadataSettings(url=URL)).remember(workspace)
    with pytest.raises(SettingsError, match="another database") as error:
        Metadata.of(workspace, MetadataSettings(url=OTHER))
    assert error.value.expected == URL
    assert error.value.received == OTHER


@pytest.mark.parametrize("text", ["", "{", '{"url": "nowhere"}', '{"place": 1}'])
def test_a_note_that_cannot_be_read_is_an_error_with_a_fix(workspace: Workspace, text: str) -> None:
    workspace.metadata_url.write_text(text)
    with pytest.raises(SettingsError) as error:
        Metadata.of(workspace)
    assert error.value.where == str(workspace.metadata_url)


class TestPassword:
    """It comes from the environment or a file, and goes to the server alone."""

    def test_it_is_in_no_config_that_is_written_down(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HEADGATE_METADATA_PASSWORD", "S3cret")
        metadata = Metadata.of(workspace, MetadataSettings(url=URL))
        metadata.remember(workspace)
        assert "S3cret" not in str(metadata.plain_config) + repr(metadata) + workspace.metadata_url.read_text()
        assert metadata.password == "S3cret"  # noqa: S105

    def test_from_a_file_that_its_owner_alone_may_read(self, workspace: Workspace, tmp_path: Path) -> None:
        file = tmp_path / "password"
        file.write_text("S3cret\n")
        file.chmod(0o600)
        Metadata.of(workspace, MetadataSettings(url=URL, password_file=file)).remember(workspace)
        assert Metadata.of(workspace).password == "S3cret"  # noqa: S105

    def test_a_file_that_others_may_read_is_refused(self, workspace: Workspace, tmp_path: Path) -> None:
        file = tmp_path / "password"
        file.write_text("S3cret\n")
        file.chmod(0o644)
        with pytest.raises(SettingsError) as error:
            _ = Metadata.of(workspace, MetadataSettings(url=URL, password_file=file)).password
        assert "chmod 600" in error.value.received
        assert "S3cret" not in str(error.value)

    @pytest.mark.parametrize("how", ["file", "--set"])
    def test_one_in_a_url_is_refused_and_not_echoed(self, tmp_path: Path, how: str) -> None:
        url = URL.replace("@", ":S3cret@")
        arguments = ["check", "taxi", "--set", f"metadata.url={url}"]
        if how == "file":
            file = tmp_path / "pipeline.yaml"
            shown = CliRunner().invoke(app, ["check", "taxi", "--show"]).stdout
            file.write_text(shown.replace("  url: null", f"  url: {url}"))
            arguments = ["check", str(file)]
        ended = CliRunner().invoke(app, arguments)
        assert ended.exit_code == 2
        assert "HEADGATE_METADATA_PASSWORD" in ended.stderr
        assert "S3cret" not in ended.output + ended.stderr

    def test_nor_is_one_behind_to(self, workspace: Workspace) -> None:
        url = URL.replace("@", ":S3cret@")
        ended = CliRunner().invoke(app, ["metadata", "copy", "--to", url, "--workspace", str(workspace.root)])
        assert ended.exit_code == 2
        assert "HEADGATE_METADATA_PASSWORD" in ended.stderr
        assert "S3cret" not in ended.output + ended.stderr


def test_copying_a_workspace_without_runs_is_refused(workspace: Workspace) -> None:
    ended = CliRunner().invoke(app, ["metadata", "copy", "--to", URL, "--workspace", str(workspace.root)])
    assert ended.exit_code == 2
    assert "has no runs to copy" in ended.stderr
