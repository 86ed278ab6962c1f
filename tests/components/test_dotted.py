"""User code enters by dotted name; a name that leads nowhere is told as such."""

from __future__ import annotations

import pytest

from components.dotted import load_function
from schema.errors import SettingsError


def test_a_dotted_name_leads_to_its_function() -> None:
    assert load_function("own_functions:linear", "model.build").__name__ == "linear"


@pytest.mark.parametrize(
    "name", ["own_functions", "own_functions:", ":linear", "no_such_module:f", "own_functions:nil"]
)
def test_a_name_that_leads_nowhere_says_where_it_stands(name: str) -> None:
    with pytest.raises(SettingsError, match=r"model\.build") as caught:
        load_function(name, "model.build")
    assert name in str(caught.value)
