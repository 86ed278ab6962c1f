"""Texts that PostgreSQL is to hold."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from ml_metadata.proto import metadata_store_pb2 as mlmd
from ml_metadata.proto import metadata_store_service_pb2 as service

from pipeline.metadata import texts

ordinary = st.text(st.characters(blacklist_characters=texts.STAND_IN, blacklist_categories=("Cs",)))


def request(name: str, text: str, uris: list[str]) -> service.PutArtifactsRequest:
    """A message with texts of each kind: a field, a map's message, a list's messages."""
    message = service.PutArtifactsRequest()
    for uri in uris:
        artifact = mlmd.Artifact(type_id=1, name=name, uri=uri)
        artifact.custom_properties["settings"].string_value = text
        artifact.custom_properties["rows"].int_value = 92  # the code of a backslash
        message.artifacts.append(artifact)
    message.update_mask.paths.append(text)
    return message


@settings(deadline=None)
@given(ordinary, ordinary, st.lists(ordinary, max_size=3))
def test_what_is_written_has_no_backslash_and_is_read_as_it_was(name: str, text: str, uris: list[str]) -> None:
    before, message = request(name, text, uris), request(name, text, uris)
    texts.encode(message)
    told = [message.update_mask.paths[0]]
    for artifact in message.artifacts:
        told += [artifact.name, artifact.uri, artifact.custom_properties["settings"].string_value]
    assert not any("\\" in each for each in told)
    texts.decode(message)
    assert message == before


def test_twice_is_as_once() -> None:
    once, twice = request("a\\b", "\\", ["\\"]), request("a\\b", "\\", ["\\"])
    texts.encode(once)
    texts.encode(twice)
    texts.encode(twice)
    assert once == twice
