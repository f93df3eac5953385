import pytest

from lightloom import spec
from lightloom.spec import fabrics, routing


def design(**sections):
    return spec.parse({"name": "t", **sections}, "t")


def test_named_permutations_keep_lanes_among_lanes():
    chosen = design(serdes={"lanes": 4}, switch={"ports": 8})
    assert routing.permutation(chosen) == (3, 2, 1, 0, 4, 5, 6, 7)
    for name in ("identity", "random"):
        chosen = design(serdes={"lanes": 4}, switch={"ports": 8, "permutation": name})
        made = routing.permutation(chosen)
        assert sorted(made) == list(range(8))
        assert sorted(made[:4]) == [0, 1, 2, 3]
        assert made == routing.permutation(chosen)


def test_a_switch_smaller_than_the_serdes_has_its_own_ports():
    assert routing.permutation(design(switch={"ports": 4})) == (3, 2, 1, 0)


def test_no_switch():
    none = design(switch={"topology": "none"})
    assert routing.permutation(none) == tuple(range(8))
    assert routing.states(none) == []
    assert routing.targets(none) == {}


def test_a_transceiver_keeps_its_lanes():
    assert routing.permutation(design(switch={"topology": "ocstrx"})) == tuple(range(8))


@pytest.mark.parametrize("topology", fabrics.TOPOLOGIES)
def test_targets_are_what_the_design_asks_for(topology):
    chosen = design(switch={"topology": topology, "ports": 8, "path": "backup"})
    targets = routing.targets(chosen)
    if topology == "ocstrx":
        assert targets["tx3"] == "b_out3"
        assert targets["b_in3"] == "rx3"
    else:
        assert targets == {f"in{i}": f"out{7 - i}" for i in range(8)}


def test_given_states_count():
    chosen = design(switch={"ports": 2})
    assert routing.targets(chosen, [fabrics.BAR]) == {"in0": "out0", "in1": "out1"}
