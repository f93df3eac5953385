import re
from xml.etree import ElementTree

import klayout.db as kdb
import pytest

from lightloom.photonics.netlist import Instance, Netlist, Wire
from lightloom.photonics.pictures import floorplan
from lightloom.photonics.switch.fabric import switch_chip
from lightloom.spec import benes
from lightloom.spec.base import DesignError
from lightloom.spec.design import Switch

HEAD = "name,x_um,y_um,net\n"


def contacts(chip):
    nets = {pad: name for name, net in chip.netlist.electrical.items() for pad in net.pads}
    rows = [f"{n},{x},{y},{nets[n]}\n" for n, (x, y) in chip.routing.pads.items()]
    return HEAD + "".join(rows)


def die(chip):
    width, height = chip.size_um
    return kdb.DBox(0, -height / 2, width, height / 2)


@pytest.fixture(scope="module")
def chip():
    return switch_chip(Switch(ports=8, monitors="port"))


@pytest.fixture(scope="module")
def found(chip):
    return floorplan.plan(chip.netlist, die(chip), contacts(chip))


def test_cells_are_whole_and_in_columns(found):
    kinds = [block.kind for block in found.blocks]
    assert kinds.count(floorplan.CELL) == benes.cells(8)
    assert kinds.count("crossing") == 16
    assert kinds.count("edge_coupler") == 16
    assert kinds.count(floorplan.MONITOR) == 16
    assert [count for _, _, count in found.columns] == [4] * benes.stages(8)
    wests = [west for west, _, _ in found.columns]
    assert wests == sorted(wests)


def test_blocks_hold_their_devices_and_are_on_the_die(chip, found):
    blocks = {block.name: block for block in found.blocks}
    for name, instance in chip.netlist.instances.items():
        block = blocks[name.split(".")[0]]
        assert block.x1 < instance.x_um < block.x2
        assert block.y1 < instance.y_um < block.y2
    # A terminator is drawn no smaller than can be seen, so it may stand out by that.
    inner = found.die.enlarged(floorplan.LEAST_UM, floorplan.LEAST_UM)
    assert all(kdb.DBox(*block[2:]).inside(inner) for block in found.blocks)


def test_waveguides_join_blocks_and_run_east(chip, found):
    inside = sum(
        len({pin[0].split(".")[0] for pin in wire.pins}) == 1 for wire in chip.netlist.nets.values()
    )
    assert len(found.guides) == len(chip.netlist.nets) - inside > 50
    # All light of a fabric runs east: each waveguide leaves one block east, enters another west.
    for guide in found.guides:
        assert guide.east1 != guide.east2
        west, east = sorted(((guide.x1, guide.east1), (guide.x2, guide.east2)))
        assert west[1] or east[0] - west[0] < 40.0


def test_ports_and_pads(chip, found):
    assert {port.name for port in found.ports} == set(chip.netlist.ports)
    for port in found.ports:
        assert port.side == ("west" if port.name.startswith("in") else "east")
    assert {pad.name for pad in found.pads} == set(chip.routing.pads)
    for pad in found.pads:
        assert pad.common == pad.name.startswith("gnd")
        assert pad.side == ("north" if pad.y > 0 else "south")


def test_devices_face_what_they_are_joined_to():
    # A modulator whose output turns round, and one that lies the other way.
    netlist = Netlist(
        "bow",
        ports={"laser": ("a", "o2"), "tx": ("b", "o2")},
        instances={
            "a": Instance("edge_coupler", {"length_um": 200.0}, 100.0, 50.0),
            "m": Instance("mzm", {"path_um": 900.0}, 800.0, 50.0),
            "b": Instance("edge_coupler", {"length_um": 200.0}, 100.0, -90.0),
            "p": Instance("photodiode", {"length_um": 20.0}, 900.0, -200.0),
            "c": Instance("edge_coupler", {"length_um": 200.0}, 1500.0, -200.0),
        },
        nets={
            "in": Wire([("a", "o1"), ("m", "o1")]),
            "out": Wire([("m", "o2"), ("b", "o1")]),
            "back": Wire([("c", "o1"), ("p", "o1")]),
        },
    )
    guides = floorplan.plan(netlist, kdb.DBox(0, -300, 1600, 300), HEAD).guides
    assert [(g.x1, g.east1, g.x2, g.east2) for g in guides] == [
        (200.0, True, 350.0, False),
        (1250.0, True, 200.0, True),
        (1400.0, False, 916.0, True),
    ]


def test_written_file_is_an_svg_of_the_chip(chip, tmp_path):
    (tmp_path / "bumps.csv").write_text(contacts(chip))
    floorplan.write(chip.netlist, die(chip), tmp_path / "bumps.csv", tmp_path / "plan.svg")
    root = ElementTree.parse(tmp_path / "plan.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert chip.netlist.chip in texts
    assert {f"in{i}" for i in range(8)} | {f"out{i}" for i in range(8)} <= set(texts)
    assert f"{chip.size_um[0] / 1000:.3f} mm" in texts
    floorplan.write(chip.netlist, die(chip), contacts(chip), tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "plan.svg").read_bytes()


def test_names_are_escaped(tmp_path):
    netlist = Netlist("x", instances={"a": Instance("photodiode", {}, 50.0, 0.0)})
    evil = HEAD + '"<script>&""",50,40,"n""><b>"\n'
    floorplan.write(netlist, kdb.DBox(0, -100, 100, 100), evil, tmp_path / "plan.svg")
    text = (tmp_path / "plan.svg").read_text()
    assert not re.search(r"<(script|b)>", text)
    ElementTree.fromstring(text)


@pytest.mark.parametrize(
    "table", ["name,x_um,y_um,net\na,one,2,n\n", "name,x_um\na,1\n", "name,x_um,y_um,net\na,1\n"]
)
def test_a_table_that_is_none(chip, tmp_path, table):
    (tmp_path / "bumps.csv").write_text(table)
    with pytest.raises(DesignError, match=r"bumps\.csv: not a table of name, x_um, y_um, net"):
        floorplan.plan(chip.netlist, die(chip), tmp_path / "bumps.csv")


def test_a_device_without_a_place():
    netlist = Netlist("x", instances={"a": Instance("photodiode")})
    with pytest.raises(DesignError, match="a has no place; allowed: a netlist with places"):
        floorplan.plan(netlist, kdb.DBox(0, 0, 1, 1), HEAD)
