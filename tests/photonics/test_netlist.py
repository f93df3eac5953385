import pytest

from lightloom.photonics import netlist
from lightloom.photonics.netlist import Conductor, Instance, Netlist, Wire
from lightloom.spec.base import DesignError


def sample() -> Netlist:
    return Netlist(
        chip="switch",
        ports={"in0": ("a", "o1")},
        instances={
            "a": Instance("edge_coupler", {"tip_um": 1e-6, "z": -0.0}, x_um=1.25, y_um=-3.0),
            "b[1].no": Instance("heater_waveguide"),
            "no": Instance("pd"),
        },
        nets={
            "n0": Wire([("a", "o2"), ("b[1].no", "o1")], 12.3456789, 0.45, 1.5, -2.25),
            "1": Wire([]),
        },
        electrical={"gnd": Conductor([("b[1].no", "e2"), ("no", "e1")], ["gnd", "gnd2"])},
        band="C",
    )


def test_yaml_round_trip(tmp_path):
    path = tmp_path / "x.netlist.yml"
    sample().write(path)
    assert netlist.read(path) == sample()
    again = tmp_path / "y.yml"
    netlist.read(path).write(again)
    assert again.read_bytes() == path.read_bytes()


def test_empty_netlist_round_trip(tmp_path):
    path = tmp_path / "x.yml"
    Netlist("empty").write(path)
    assert netlist.read(path) == Netlist("empty")


def test_a_netlist_without_a_band_is_for_the_o_band(tmp_path):
    path = tmp_path / "x.yml"
    path.write_text("chip: c\n")
    assert netlist.read(path).band == "O"


def test_bare_list_of_pins_is_a_net(tmp_path):
    path = tmp_path / "x.yml"
    path.write_text(
        "chip: c\ninstances: {a: {type: t}, b: {type: t}}\nnets: {n: [[a, o1], [b, o1]]}\n"
    )
    assert netlist.read(path).nets["n"] == Wire([("a", "o1"), ("b", "o1")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1\n", "not a netlist: allowed: a mapping"),
        ("chip: [", "not YAML"),
        ("chip: a\nwires: {}\n", r"wires: \{\}: Unexpected keyword argument"),
        ("instances: {}\n", "chip"),
        ("chip: a\ninstances: {x: {type: 3}}\n", "instances.x.type: 3: Input should"),
        ("chip: a\ninstances: {x: {type: t, parameters: {g: .inf}}}\n", "parameters.g: inf"),
        ("chip: a\nnets: {n: [[x, o1]]}\n", "nets.n: pin x,o1; allowed: an instance"),
        (
            "chip: a\ninstances: {x: {type: t}}\nnets: {n: [[x, o1]], m: [[x, o1]]}\n",
            "nets.m: pin x,o1 is also in nets.n; allowed: one net a pin",
        ),
        ("chip: &a b\nports: *a\n", "anchors and aliases are not allowed"),
        ("chip: !!python/object:os.system x\n", "tags are not allowed"),
        ("chip: " + "[" * 5000, "nested deeper than 8"),
        ("chip: a\nband: L\n", "band: 'L': Input should be 'O' or 'C'"),
        ('chip: "a b"\n', "chip: 'a b'"),
    ],
)
def test_bad_file_is_one_line_that_names_it(tmp_path, text, message):
    path = tmp_path / "bad.yml"
    path.write_text(text)
    with pytest.raises(DesignError, match=message) as caught:
        netlist.read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_nesting_that_would_overrun_the_c_stack_is_refused(tmp_path):
    path = tmp_path / "bad.yml"
    path.write_text("- " * 1_000_000 + "x")
    with pytest.raises(DesignError, match="nested deeper than 8"):
        netlist.read(path)


def test_too_large_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(netlist, "MAX_BYTES", 10)
    path = tmp_path / "big.yml"
    path.write_text("chip: abcdefgh\n")
    with pytest.raises(DesignError, match="15 bytes; allowed: at most 10"):
        netlist.read(path)


def test_missing_file(tmp_path):
    with pytest.raises(DesignError, match=r"none\.yml: cannot be read: No such file"):
        netlist.read(tmp_path / "none.yml")


def test_name_that_yaml_cannot_carry_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'a b' in a netlist"):
        Netlist("a b").write(tmp_path / "x.yml")
