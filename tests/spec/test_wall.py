import random

import pytest

from lightloom.spec import fabrics
from lightloom.spec.wall import CROSSING, STRAIGHT, wall


@pytest.mark.parametrize("topology", ["crossbar", "piloss"])
@pytest.mark.parametrize("ports", [2, 3, 4, 7, 16])
def test_light_goes_through_the_wall_as_through_the_fabric(topology, ports):
    seed = ports
    print(f"seed {seed}")
    rng = random.Random(seed)
    place, plan = wall(topology, ports), fabrics.plan(topology, ports)
    assert sorted(c for column in place.places for c in column if c >= 0) == list(range(ports**2))
    assert {CROSSING, STRAIGHT} >= {c for column in place.places for c in column if c < 0}
    assert place.columns == 2 * ports - (topology == "crossbar")
    for _ in range(20):
        states = [rng.randrange(2) for _ in plan.cells]
        line = [None] * (2 * ports)
        for i, position in enumerate(place.entries):
            line[position] = f"in{i}"
        for column in place.places:
            for k, cell in enumerate(column):
                if cell == CROSSING or (cell >= 0 and states[cell]):
                    line[2 * k], line[2 * k + 1] = line[2 * k + 1], line[2 * k]
            line = line[1:] + line[:1]
        arrived = {line[position]: f"out{o}" for o, position in enumerate(place.exits)}
        arrived.pop(None, None)
        assert arrived == {name: way.output for name, way in fabrics.ways(plan, states).items()}


def test_other_fabrics_have_none():
    with pytest.raises(ValueError, match="topology = 'benes'; allowed: piloss, crossbar"):
        wall("benes", 4)
    with pytest.raises(ValueError, match="ports = 1; allowed: 2 or more"):
        wall("piloss", 1)
