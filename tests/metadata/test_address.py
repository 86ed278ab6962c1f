"""Addresses of database servers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.metadata.address import KINDS, OPTIONS, Address


def test_a_url_names_everything_but_the_password() -> None:
    address = Address.parse("postgresql://headgate@db.example.com:5433/runs?sslmode=require")
    assert address == Address("postgresql", "db.example.com", 5433, "headgate", "runs", {"sslmode": "require"})


@pytest.mark.parametrize(
    ("scheme", "port"), [("postgresql", 5432), ("postgres", 5432), ("mysql", 3306), ("mariadb", 3306)]
)
def test_the_usual_port_need_not_be_named(scheme: str, port: int) -> None:
    assert Address.parse(f"{scheme}://headgate@db/runs").port == port


def test_the_schemes_of_one_server_are_one_address() -> None:
    assert Address.parse("mariadb://headgate@db/runs").url == Address.parse("mysql://headgate@db:3306/runs").url


names = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), min_size=1, max_size=20)


@settings(deadline=None)
@given(
    st.sampled_from(sorted(set(KINDS.values()))),
    names,
    st.integers(1, 65535),
    names.filter(lambda name: "/" not in name),
)
def test_an_address_is_its_url(kind: str, user: str, port: int, database: str) -> None:
    address = Address(kind, "db.example.com", port, user, database)
    assert Address.parse(address.url) == address


@pytest.mark.parametrize(
    "url",
    [
        "headgate",
        "sqlite:///metadata.db",
        "postgresql://db/runs",
        "postgresql://headgate@/runs",
        "postgresql://headgate@db",
        "postgresql://headgate@db/",
        "postgresql://headgate@db/runs/more",
        "postgresql://headgate@db:port/runs",
        "postgresql://headgate@db:99999/runs",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected postgresql://USER@HOST:PORT/DATABASE"):
        Address.parse(url)


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValueError, match="`ssl` is no option of the URL; there is sslmode"):
        Address.parse("postgresql://headgate@db/runs?ssl=true")


@settings(deadline=None)
@given(st.text(st.characters(categories=("L", "N")), min_size=12, max_size=12))
def test_a_password_is_refused_and_never_quoted(password: str) -> None:
    with pytest.raises(ValueError, match="HEADGATE_METADATA_PASSWORD") as error:
        Address.parse(f"postgresql://headgate:{password}@db/runs")
    assert password not in str(error.value)


def test_every_option_has_a_place_in_ml_metadatas_config() -> None:
    assert {len(options) for options in OPTIONS.values()} == {4}
