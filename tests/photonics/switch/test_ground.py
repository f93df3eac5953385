"""The ground network against what can be computed by hand, and against Kirchhoff."""

import random

import pytest

from lightloom.photonics.switch.ground import Stub, solve


def one_bus(stubs, contacts=(2.0, 2.0)):
    return solve(
        stubs,
        {0: 100.0},
        rail_y_um=50.0,
        bus_ohm_per_um={0: 0.02},
        rail_ohm_per_um=0.01,
        contact_ohm={(0, -1): contacts[0], (0, 1): contacts[1]},
    )


def test_a_device_in_the_middle_sees_both_ends_in_parallel():
    found = one_bus([Stub("a", 0, 0.0, 0.5, 10.0)])
    assert found.ohm["a"] == pytest.approx(0.5 + (2.0 + 50 * 0.02) / 2)
    assert found.bus_ma[0] == pytest.approx(5.0)
    assert found.contact_ma == pytest.approx({(0, -1): 5.0, (0, 1): 5.0})
    assert found.rail_ma == 0.0


def test_current_divides_by_resistance():
    found = one_bus([Stub("a", 0, 0.0, 0.0, 12.0)], contacts=(1.0, 3.0))
    assert found.contact_ma[0, -1] == pytest.approx(12.0 * 4 / 6)
    assert found.contact_ma[0, 1] == pytest.approx(12.0 * 2 / 6)


def test_a_bridge_between_equal_columns_carries_nothing():
    stubs = [Stub("a", 0, 0.0, 0.0, 7.0), Stub("b", 1, 0.0, 0.0, 7.0)]
    ends = {(column, side): 2.0 for column in (0, 1) for side in (-1, 1)}
    found = solve(stubs, {0: 0.0, 1: 500.0}, 50.0, {0: 0.02, 1: 0.02}, 0.01, ends)
    assert found.rail_ma == pytest.approx(0.0, abs=1e-12)
    alone = one_bus([Stub("a", 0, 0.0, 0.0, 7.0)])
    assert found.ohm["a"] < alone.ohm["a"]


@pytest.mark.parametrize("seed", range(5))
def test_all_current_leaves_through_the_contacts(seed):
    rng = random.Random(seed)
    columns = range(rng.randint(1, 5))
    stubs = [
        Stub(f"{c}_{k}", c, rng.uniform(-400, 400), 0.1, rng.uniform(0, 10))
        for c in columns
        for k in range(rng.randint(1, 6))
    ]
    found = solve(
        stubs,
        {c: 300.0 * c for c in columns},
        500.0,
        dict.fromkeys(columns, 0.002),
        0.004,
        {(c, side): rng.uniform(0.5, 3.0) for c in columns for side in (-1, 1)},
    )
    assert sum(found.contact_ma.values()) == pytest.approx(sum(stub.ma for stub in stubs))
    assert all(found.ohm[stub.label] > stub.ohm for stub in stubs)
