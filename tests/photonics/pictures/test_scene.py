import klayout.db as kdb
import pytest

from lightloom.photonics import tech
from lightloom.photonics.pictures import scene
from lightloom.spec.base import DesignError

CHIPS = ["benes4", "crossbar8", "bumps8", "ring2", "mzm3"]


@pytest.mark.parametrize("name", CHIPS)
def test_scene_is_the_chip(chip_file, name):
    path, chip = chip_file(name)
    found = scene.read(path)
    assert found.chip == chip.netlist.chip
    assert (found.die.width(), found.die.height()) == pytest.approx(chip.size_um)
    pads = [pad for net in chip.netlist.electrical.values() for pad in net.pads]
    assert sorted(n.text for n in found.names) == sorted([*chip.netlist.ports, *pads])
    types = [instance.type for instance in chip.netlist.instances.values()]
    assert found.counts == {kind: types.count(kind) for kind in set(types)}
    assert "WG" in found.layers
    assert not set(found.layers) & {"DEVREC", "PIN", "LABEL", "TEXT"}


@pytest.mark.parametrize("name", CHIPS)
def test_ports_are_named_at_their_side(chip_file, name):
    path, _ = chip_file(name)
    found = scene.read(path)
    for label in found.names:
        if label.text.startswith(("in", "laser", "tx", "rx")):
            assert label.side == "west"
        elif label.text.startswith("out"):
            assert label.side == "east"
        elif name in ("ring2", "mzm3"):
            assert label.side is None
        else:
            assert label.side == ("north" if label.y_um > found.die.center().y else "south")


def test_close_up_devices_are_where_the_netlist_has_them(chip_file):
    path, chip = chip_file("bumps8")
    found = {device.type: device.outline for device in scene.read(path).devices}
    assert list(found) == [
        "heater_waveguide",
        "photodiode",
        "grating_coupler",
        "crossing",
        "coupler2x2",
    ]
    for kind, outline in found.items():
        assert any(
            outline.contains(kdb.DPoint(i.x_um, i.y_um))
            for i in chip.netlist.instances.values()
            if i.type == kind
        )


def test_die_is_all_there_is_when_none_is_drawn(tmp_path):
    layout = kdb.Layout()
    top = layout.create_cell("bare")
    top.shapes(layout.layer(*tech.WG)).insert(kdb.DBox(0, 0, 30, 20))
    layout.write(str(tmp_path / "bare.gds"))
    found = scene.read(tmp_path / "bare.gds")
    assert str(found.die) == "(0,0;30,20)"
    assert (found.names, found.devices, found.layers) == ((), (), ("WG",))


def test_not_a_layout(tmp_path):
    (tmp_path / "no.gds").write_text("no")
    with pytest.raises(DesignError, match=r"no\.gds: not a readable layout"):
        scene.read(tmp_path / "no.gds")
