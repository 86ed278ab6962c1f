"""The search for weak slices: what is there is found, and what is not is not claimed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from components.evaluation.depth import weak_slices

ROWS, MIN_ROWS = 1500, 30


def columns(rng: np.random.Generator, rows: int = ROWS) -> dict[str, pa.Array]:
    return {
        "shop": pa.array(rng.choice(["north", "south", "east", "west", None], rows)),
        "day": pa.array(rng.integers(1, 8, rows)),
        "hour": pa.array(rng.integers(0, 24, rows)),
        "amount": pa.array(rng.exponential(10, rows)),
        "latitude": pa.array(rng.normal(size=rows), mask=rng.random(rows) < 0.2),
        "company": pa.array(rng.choice(list("abcdefghijklmnop"), rows)),
    }


def numpy(values: pa.Array) -> np.ndarray:
    return np.array(values.to_pylist(), object)


def find(data: dict[str, pa.Array], losses: np.ndarray, most: int = 10) -> weak_slices.Found:
    return weak_slices.find(data, losses, MIN_ROWS, most)


def significant(found: weak_slices.Found) -> list[str]:
    return [" and ".join(each.text for each in one.conditions) for one in found.slices if one.significant]


NOISE = {
    "many small, few large": lambda rng: rng.exponential(size=ROWS),
    "few small, many large": lambda rng: -rng.exponential(size=ROWS),
    "mostly right": lambda rng: (rng.random(ROWS) < 0.1).astype(float),
}


@pytest.mark.parametrize("noise", NOISE)
def test_on_noise_no_slice_is_called_significant(noise):
    """In at most one of twenty data sets: of forty in two, and five would be very bad luck."""
    found = [find(columns(rng), NOISE[noise](rng)) for rng in map(np.random.default_rng, range(40))]
    assert sum(bool(significant(each)) for each in found) < 5
    assert all(each.looked_at > 200 for each in found)


@pytest.mark.parametrize("seed", range(5))
def test_planted_slices_are_found_and_what_they_explain_is_not_said_twice(seed):
    rng = np.random.default_rng(seed)
    data = columns(rng)
    shop, day = numpy(data["shop"]), numpy(data["day"])
    weak = (shop == "north") & (day == 3)
    losses = rng.exponential(0.3, ROWS) + 0.5 * (shop == "south") + 1.5 * weak
    assert set(significant(find(data, losses))) == {"shop = south", "shop = north and day = 3"}


def test_a_bucket_of_a_number_and_rows_without_a_value_are_found():
    rng = np.random.default_rng(1)
    data = columns(rng)
    amount, missing = np.array(data["amount"]), np.array(data["latitude"].is_null())
    cut = np.quantile(amount, 0.8, method="higher")
    found = find(data, rng.exponential(0.3, ROWS) + 0.5 * (amount >= cut) + 0.4 * missing)
    assert set(significant(found)) == {f"amount >= {cut:.4g}", "latitude is missing"}


def test_a_part_that_is_weaker_than_its_listed_whole_is_told_too():
    rng = np.random.default_rng(2)
    data = columns(rng)
    south, third = numpy(data["shop"]) == "south", numpy(data["day"]) == 3
    losses = rng.exponential(0.2, ROWS) + 1.0 * south + 3.0 * (south & third)
    assert set(significant(find(data, losses))) == {"shop = south", "shop = south and day = 3"}


def test_slices_have_enough_rows_and_leave_enough():
    rng = np.random.default_rng(3)
    data = columns(rng) | {"rare": pa.array(["x"] * 29 + ["y"] * (ROWS - 29)), "constant": pa.array([1] * ROWS)}
    found = find(data, rng.exponential(size=ROWS), most=100)
    names = {each.column for one in found.slices for each in one.conditions}
    assert not names & {"rare", "constant"}
    assert all(MIN_ROWS <= each.rows.sum() <= ROWS - MIN_ROWS for each in found.slices)


def test_the_order_of_the_rows_does_not_matter_and_the_same_data_give_the_same():
    rng = np.random.default_rng(4)
    data = columns(rng)
    losses = rng.exponential(0.3, ROWS) + 0.5 * (numpy(data["shop"]) == "south")
    order = rng.permutation(ROWS)
    shuffled = {name: values.take(pa.array(order)) for name, values in data.items()}
    one, two = find(data, losses), find(shuffled, losses[order])
    assert significant(one) == significant(two) == significant(find(data, losses))
    assert [each.p_value for each in one.slices] == pytest.approx([each.p_value for each in two.slices])


def test_columns_that_name_the_same_rows_count_once():
    rng = np.random.default_rng(5)
    data = columns(rng)
    losses = rng.exponential(0.3, ROWS) + 0.5 * (numpy(data["shop"]) == "south")
    found = find(data | {"copy": data["shop"]}, losses)
    assert found.looked_at == find(data, losses).looked_at
    assert significant(found) == ["shop = south"]


def test_many_conditions_pair_the_strongest_and_still_count_all():
    rng = np.random.default_rng(6)
    data = {f"c{number}": pa.array(rng.choice(list("abcdefghijkl"), ROWS)) for number in range(20)}
    one, two = numpy(data["c0"]) == "a", numpy(data["c1"]) == "b"
    losses = rng.exponential(0.2, ROWS) + 2.0 * (one & ~two) + 2.0 * (two & ~one)
    assert set(significant(weak_slices.find(data, losses, 5, 10))) >= {"c0 = a", "c1 = b"}


@pytest.mark.parametrize(
    "data",
    [{}, {"empty": pa.nulls(ROWS)}, {"nan": pa.array([float("nan")] * ROWS)}, {"constant": pa.array(["x"] * ROWS)}],
    ids=["nothing", "nulls", "nan", "constant"],
)
def test_without_slices_nothing_is_found(data):
    assert find(data, np.ones(ROWS)) == weak_slices.Found((), 0)


def test_a_loss_that_never_varies_has_no_weak_slice():
    assert find(columns(np.random.default_rng(7)), np.ones(ROWS)).slices == ()
