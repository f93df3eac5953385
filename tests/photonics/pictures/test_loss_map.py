"""The loss map of real switch chips: figures, colours on the paths, names, time."""

import re

import klayout.db as kdb
import klayout.lay as lay
import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.text import Text

from lightloom.photonics import preview, tech
from lightloom.photonics.checks import extract
from lightloom.photonics.checks.chip import open_chip
from lightloom.photonics.circuit import scatter, solver
from lightloom.photonics.layer_map import LayerMap
from lightloom.photonics.pictures import heat, loss_map
from lightloom.photonics.pictures.strokes import strokes
from lightloom.photonics.switch import calibration, fabric_model
from lightloom.photonics.switch.fabric import switch_chip
from lightloom.spec import routing
from lightloom.spec.base import DesignError
from lightloom.spec.design import Design, Serdes, Switch

SWITCHES = {
    "benes": Switch(ports=8, permutation=(3, 1, 7, 0, 2, 6, 5, 4)),
    "crossbar": Switch(topology="crossbar", ports=4),
    "trees": Switch(topology="switch-and-select", ports=4, coupler="grating"),
    "ocstrx": Switch(topology="ocstrx", ports=2, path="loopback"),
}


@pytest.fixture(scope="module", params=SWITCHES)
def case(request, tmp_path_factory):
    switch = SWITCHES[request.param]
    design = Design(name="x", switch=switch, serdes=Serdes(lanes=min(8, switch.ports)))
    directory = tmp_path_factory.mktemp("map")
    gds = directory / "switch.gds"
    preview.write_layout(switch_chip(switch).component, gds)
    netlist = extract.extract(gds)
    told = loss_map.write(design, gds, netlist, directory / "map.png")
    return design, gds, netlist, told, directory / "map.png"


def sheet_of(case):
    design, gds, netlist, told, _ = case
    shape = strokes(open_chip(gds), netlist)
    return heat.draw(netlist, shape, told, "a state"), shape, design


def test_losses_are_those_of_the_solver(case):
    design, _, netlist, told, _ = case
    program = fabric_model.program(netlist, design.switch)
    fabric = fabric_model.fabric(design, netlist, program)
    table = calibration.codes(fabric, "nominal")
    codes = [table["cross" if s else "bar"][c] for c, s in enumerate(routing.states(design))]
    carrier = scatter.frequency_hz(1310.0)
    phases = calibration.phases_rad(fabric, codes)
    s = np.abs(solver.evaluate(program, phases, np.array([carrier]), carrier)[0]) ** 2
    targets = routing.targets(design)
    assert set(told.loss_db) == set(targets.values())
    lit = [program.inputs.index(name) for name in targets]
    for name, output in targets.items():
        i, k = program.inputs.index(name), program.outputs.index(output)
        assert told.loss_db[output] == pytest.approx(-10 * np.log10(s[k, i]), abs=1e-9)
        others = s[k, [j for j in lit if j != i]].sum() / s[k, i]
        assert 10 ** (told.crosstalk_db[output] / 10) == pytest.approx(others, rel=1e-6, abs=1e-15)
        assert told.signal[netlist.ports[name]] == 0.0
        assert told.signal[netlist.ports[output]] == pytest.approx(-told.loss_db[output])


def test_signal_only_loses_on_its_way(case):
    _, _, netlist, told, _ = case
    # Between the two ends of a waveguide the same inputs are there, weaker at one end.
    for wire in netlist.nets.values():
        ends = [pin for pin in wire.pins if pin in told.signal]
        assert len(ends) in (0, 2)
        if ends:
            assert told.paths[ends[0]] == told.paths[ends[1]]
            step = abs(told.signal[ends[0]] - told.signal[ends[1]])
            assert step <= 2e-4 * wire.length_um + 1e-9  # 2 dB/cm


def test_texts_are_clear_of_each_other_and_tell_the_losses(case):
    sheet, _, _ = sheet_of(case)
    figure = sheet.figure()
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    texts = [(t.get_text(), t.get_window_extent(renderer)) for t in figure.findobj(Text)]
    texts = [(text, box) for text, box in texts if text]
    for i, (text, box) in enumerate(texts):
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= sheet.size[0]
        for other, where in texts[i + 1 :]:
            assert not box.overlaps(where), f"{text} over {other}"
    told = case[3]
    words = {text for text, _ in texts}
    for output, loss in told.loss_db.items():
        assert f"{output}  \u2212{loss:.2f} dB" in words
    worst = max(told.loss_db.values())
    assert any(re.search(rf"to {worst:.2f} dB, most from", text) for text in words)


def test_colour_on_each_waveguide_is_that_of_its_power(case):
    sheet, shape, _ = sheet_of(case)
    told, path = case[3], case[4]
    data = lay.PixelBuffer.read_png(str(path)).to_bytes()
    image = np.frombuffer(data, dtype=np.uint8, offset=8).reshape(*sheet.size[::-1], 4)[..., 2::-1]
    die = np.array([int(heat.DIE[i : i + 2], 16) for i in (1, 3, 5)])
    inside = np.argwhere((image == die).all(axis=2))
    top, left = inside.min(axis=0)
    right = inside[:, 1].max() + 1
    scale = (right - left) / shape.die.width()
    low = -max(int(np.ceil(max(-v for v in told.signal.values()))), 1)
    checked = 0
    for stroke in shape.strokes:
        if stroke.start == stroke.end or stroke.start not in told.signal:
            continue
        (x, y), (x2, _) = stroke.points[0], stroke.points[-1]
        # Long level waveguides.
        if np.ptp(stroke.points[:, 1]) > 0.5 or abs(x2 - x) * scale < 25:
            continue
        level = (told.signal[stroke.start] + told.signal[stroke.end]) / 2
        part = heat.DIMMEST + (1 - heat.DIMMEST) * np.clip((level - low) / -low, 0, 1)
        expected = 255 * np.array(colormaps[heat.COLOURS](part)[:3])
        column = round(left + ((x + x2) / 2 - shape.die.left) * scale)
        row = round(top + (shape.die.top - y) * scale)
        seen = image[row - 3 : row + 4, column].astype(float)
        assert np.abs(seen - expected).max(axis=1).min() < 40, (stroke.start, level)
        checked += 1
    assert checked >= 4


def test_equal_chips_give_equal_maps(case, tmp_path):
    design, gds, netlist, _, path = case
    loss_map.write(design, gds, netlist, tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == path.read_bytes()


def test_a_renumbered_layout_gives_the_same_map(case, tmp_path):
    design, gds, netlist, _, path = case
    numbers = {name: info.layer for name, info in tech.LAYERS.items()} | {"WG": (30, 7)}
    foundry = LayerMap(layers=numbers)
    layout = kdb.Layout()
    layout.read(str(gds))
    foundry.to_foundry(layout)
    layout.write(str(tmp_path / "foundry.gds"))
    loss_map.write(design, tmp_path / "foundry.gds", netlist, tmp_path / "map.png", foundry)
    assert (tmp_path / "map.png").read_bytes() == path.read_bytes()


def test_another_permutation_gives_another_map(tmp_path):
    switch = Switch(ports=4)
    gds = tmp_path / "switch.gds"
    preview.write_layout(switch_chip(switch).component, gds)
    netlist = extract.extract(gds)
    found = []
    for permutation in ("identity", "reverse"):
        chosen = switch.model_copy(update={"permutation": permutation})
        design = Design(name="x", switch=chosen, serdes=Serdes(lanes=4))
        found.append(loss_map.write(design, gds, netlist, tmp_path / f"{permutation}.png"))
    assert found[0].origin != found[1].origin
    assert (tmp_path / "identity.png").read_bytes() != (tmp_path / "reverse.png").read_bytes()


def test_a_netlist_of_another_switch_is_refused(tmp_path):
    gds = tmp_path / "switch.gds"
    preview.write_layout(switch_chip(Switch(ports=2)).component, gds)
    design = Design(name="x", switch=Switch(ports=4), serdes=Serdes(lanes=4))
    with pytest.raises(DesignError, match="no phase shifter on a pad"):
        loss_map.write(design, gds, extract.extract(gds), tmp_path / "map.png")
    assert not (tmp_path / "map.png").exists()
