import re

import pytest

from lightloom import spec


def design(**sections):
    return spec.parse({"name": "t", **sections}, "t")


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"switch": {"ports": 4}},
            "f.toml: serdes.lanes = 8 with switch.ports = 4; allowed: at most one lane a port",
        ),
        (
            {"serdes": {"lanes": 2}, "switch": {"permutation": [7, 6, 5, 4, 3, 2, 1, 0]}},
            "f.toml: switch.permutation sends lanes to ports [6, 7]; allowed: lanes 0 to 1",
        ),
        ({"switch": {"topology": "odd-even"}}, "f.toml: switch.topology = 'odd-even' in a link"),
        (
            {"switch": {"topology": "ocstrx", "path": "loopback"}},
            "f.toml: switch.path = 'loopback' in a link; allowed: 'primary', 'backup'",
        ),
        (
            {"run": {"cut_us": 3}},
            "f.toml: run.cut_us = 3 with switch.topology = 'benes', switch.path = 'primary'; "
            "allowed: 'ocstrx' and 'primary'",
        ),
        ({"serdes": {"profile": "xsr-raw"}}, "f.toml: serdes.profile = 'xsr-raw' in a link"),
        ({"serdes": {"lanes": 16}}, "f.toml: serdes.lanes = 16 in a link; allowed: 1 to 8"),
        ({"switch": {"phase_shifter": "pin"}}, "f.toml: switch.phase_shifter = 'pin' in a link"),
        ({"engine": {"wavelengths": 4}}, "f.toml: engine of 2 lanes x 4 wavelengths in a link"),
        ({"engine": {"lanes": 4}}, "f.toml: engine of 4 lanes x 1 wavelengths in a link"),
    ],
)
def test_parts_that_make_no_link_are_named(sections, message):
    with pytest.raises(spec.DesignError, match=re.escape(message)):
        design(**sections).check_link("f.toml")


def test_parts_that_make_a_link_pass():
    design().check_link("f.toml")
    design(switch={"topology": "none"}, serdes={"lanes": 2}).check_link("f.toml")
    permuted = {"topology": "ocstrx", "permutation": [7, 6, 5, 4, 3, 2, 1, 0]}
    design(switch=permuted, serdes={"lanes": 2}).check_link("f.toml")


@pytest.mark.parametrize(
    ("topology", "ports"),
    [
        ("benes", 6),
        ("switch-and-select", 32),
        ("switch-and-select", 3),
        ("ocstrx", 5),
        ("piloss", 65),
        ("crossbar", 128),
        ("odd-even", 128),
    ],
)
def test_sizes_a_topology_does_not_come_in_are_refused(topology, ports):
    with pytest.raises(spec.DesignError, match=f"ports = {ports} with topology '{topology}'; all"):
        design(switch={"topology": topology, "ports": ports})


@pytest.mark.parametrize("topology", ["piloss", "crossbar", "odd-even"])
def test_the_others_come_in_any_size(topology):
    for ports in (2, 3, 7, 64):
        assert design(switch={"topology": topology, "ports": ports}).switch.ports == ports


def test_a_benes_network_has_up_to_128_ports_and_those_of_n_squared_cells_up_to_64():
    assert design(switch={"ports": 128}).switch.ports == 128
    with pytest.raises(spec.DesignError, match="with topology 'piloss'; allowed: 2 to 64"):
        design(switch={"topology": "piloss", "ports": 128})


def test_the_carrier_follows_the_band():
    assert design().engine.wavelength_nm == 1310.0
    assert design(technology={"band": "C"}).engine.wavelength_nm == 1550.0
    given = design(technology={"band": "C"}, engine={"wavelength_nm": 1560.0})
    assert given.engine.wavelength_nm == 1560.0
    with pytest.raises(spec.DesignError, match=r"wavelength_nm = 1550 with technology\.band = O"):
        design(engine={"wavelength_nm": 1550.0})


def test_engine_lanes_follow_the_serdes():
    assert design().fibre_lanes == 8
    assert design(engine={"wavelengths": 4}).fibre_lanes == 2
    assert design(engine={"wavelengths": 3}).fibre_lanes == 3
    assert design(engine={"wavelengths": 4, "lanes": 5}).fibre_lanes == 5
