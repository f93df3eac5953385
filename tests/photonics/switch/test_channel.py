"""The channel router: legal tracks or a refusal, pads as near as can be."""

import itertools
import random
from graphlib import CycleError, TopologicalSorter

import pytest
from scipy.optimize import minimize

from lightloom.photonics.switch.channel import Link, RoutingError, assign, spread

CLEAR = 14.0


def room(a, b):
    return CLEAR + (a.extra_um + b.extra_um) / 2


def conflicts(links, tracks):
    """Pairs of nets that would touch: horizontals on a track, uprights over one another."""
    found = []
    for a, b in itertools.permutations(links, 2):
        near = a.low - room(a, b) < b.high and b.low - room(a, b) < a.high
        if tracks[a.net] == tracks[b.net] and near:
            found.append(("track", a.net, b.net))
        # a's upper upright covers its track and above, b's lower upright its track and below.
        if abs(a.upper_x - b.lower_x) < room(a, b) and tracks[a.net] <= tracks[b.net]:
            found.append(("upright", a.net, b.net))
    return found


def circular(links):
    """No order of the nets puts every upper upright above the lower upright it meets."""
    above = {
        a.net: {b.net for b in links if b is not a and abs(a.upper_x - b.lower_x) < room(a, b)}
        for a in links
    }
    try:
        tuple(TopologicalSorter(above).static_order())
    except CycleError:
        return True
    return False


def row(rng, count, span):
    """Places at least a clearance apart."""
    gaps = [CLEAR + rng.random() * (span - count * CLEAR) / count for _ in range(count)]
    return [round(x, 3) for x in itertools.accumulate(gaps)]


@pytest.mark.parametrize("seed", range(40))
def test_ordered_pins_always_fit(seed):
    rng = random.Random(seed)
    count = rng.randint(1, 40)
    lower, upper = row(rng, count, 900.0), row(rng, count, 1400.0)
    links = [Link(f"n{i}", a, b) for i, (a, b) in enumerate(zip(lower, upper, strict=True))]
    assert conflicts(links, assign(links, CLEAR)) == []


@pytest.mark.parametrize("seed", range(40))
def test_any_order_is_legal_or_refused(seed):
    rng = random.Random(seed)
    count = rng.randint(2, 12)
    lower, upper = row(rng, count, 400.0), row(rng, count, 400.0)
    rng.shuffle(upper)
    links = [Link(f"n{i}", a, b) for i, (a, b) in enumerate(zip(lower, upper, strict=True))]
    if circular(links):
        with pytest.raises(RoutingError, match="no track fits"):
            assign(links, CLEAR)
    else:
        assert conflicts(links, assign(links, CLEAR)) == []


@pytest.mark.parametrize("seed", range(20))
def test_wide_nets_keep_more_room(seed):
    rng = random.Random(seed)
    extra = [rng.choice([0.0, 0.0, 40.0]) for _ in range(rng.randint(2, 12))]
    wide = [CLEAR + max(extra) + 1.0] * len(extra)
    lower = [sum(wide[:i]) + rng.random() for i in range(len(extra))]
    upper = [sum(wide[:i]) * rng.uniform(1.0, 2.0) for i in range(len(extra))]
    upper = spread(sorted(upper), max(wide), -1e4, 1e4)
    links = [Link(f"n{i}", *pins) for i, pins in enumerate(zip(lower, upper, extra, strict=True))]
    assert conflicts(links, assign(links, CLEAR)) == []


def test_spread_takes_a_step_for_each_pair():
    found = spread([0.0, 1.0, 2.0], [10.0, 100.0], -1e4, 1e4)
    assert [b - a for a, b in itertools.pairwise(found)] == pytest.approx([10.0, 100.0])


def test_circular_order_is_refused():
    links = [Link("a", 0.0, 100.0), Link("b", 100.0, 0.0)]
    with pytest.raises(RoutingError, match="nets a, b: each would have to be above another"):
        assign(links, CLEAR)


def test_crowded_pins_are_refused():
    links = [Link("a", 0.0, 0.0), Link("b", 10.0, 100.0)]
    with pytest.raises(RoutingError, match=r"nets a and b: pins 10\.000 um apart; allowed: 14"):
        assign(links, CLEAR)


def test_nets_side_by_side_share_a_track():
    links = [Link("a", 0.0, 50.0), Link("b", 100.0, 150.0), Link("c", 200.0, 200.0)]
    assert set(assign(links, CLEAR).values()) == {0}


@pytest.mark.parametrize("seed", range(10))
def test_spread_is_the_least_squares_optimum(seed):
    rng = random.Random(seed)
    wanted = sorted(rng.uniform(0, 500) for _ in range(rng.randint(2, 7)))
    pitch = 60.0
    found = spread(wanted, pitch, -1e4, 1e4)
    limits = [
        {"type": "ineq", "fun": lambda x, i=i: x[i + 1] - x[i] - pitch}
        for i in range(len(wanted) - 1)
    ]
    best = minimize(
        lambda x: sum((a - b) ** 2 for a, b in zip(x, wanted, strict=True)),
        [i * 2 * pitch for i in range(len(wanted))],
        constraints=limits,
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert found == pytest.approx(list(best.x), abs=0.05)


def test_spread_stays_between_its_ends():
    found = spread([0.0, 1.0, 2.0, 990.0], 100.0, 10.0, 900.0)
    assert found[0] >= 10.0
    assert found[-1] <= 900.0
    assert all(b - a >= 100.0 - 1e-9 for a, b in itertools.pairwise(found))


def test_too_many_pads_are_refused():
    with pytest.raises(RoutingError, match=r"5 contacts need 440 um; allowed: 300 um of chip edge"):
        spread([0.0] * 5, 110.0, 0.0, 300.0)


def test_unsorted_places_are_refused():
    with pytest.raises(ValueError, match="allowed: ascending"):
        spread([2.0, 1.0], 1.0, 0.0, 10.0)


def test_pins_that_only_rounding_brings_too_near_are_routed():
    steps = [0.1 + 0.2 + 13.7] * 40  # 14.000000000000000x, summed by spread
    places = spread([1000.0 / 3] * 41, steps, 0.0, 700.0)
    links = [Link(f"n{i}", x, x) for i, x in enumerate(places)]
    assert set(assign(links, max(steps)).values()) == {0}
    with pytest.raises(RoutingError, match="apart; allowed"):
        assign([Link("a", 0.0, 0.0), Link("b", 13.999, 14.0)], CLEAR)
