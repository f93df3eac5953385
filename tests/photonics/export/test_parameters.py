"""Parameters of the compact models from a design, an extracted netlist and the drawn cells."""

import math

import klayout.db as kdb
import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

from lightloom.photonics import tech
from lightloom.photonics.circuit import scatter
from lightloom.photonics.devices import O_BAND
from lightloom.photonics.engine import plan as engine_plan
from lightloom.photonics.export import parameters
from lightloom.photonics.netlist import Instance, Netlist
from lightloom.spec import Design, DesignError


def engine(**instances):
    return Netlist(chip="engine", ports={}, instances=instances, nets={}, electrical={})


def device(kind, **values):
    return Instance(type=kind, parameters=values)


RING = device("ring_modulator", radius_um=8.0, gap_um=0.18, path_um=100.0)
DIODE = device("photodiode", length_um=24.0, width_um=1.5)
DESIGN = Design(
    name="x",
    serdes={"tx_swing_v": 0.8},
    engine={"modulator": "ring", "ring_q": 4000.0, "driver_gain": 3.0, "wavelength_nm": 1300.0},
    receiver={"responsivity_a_per_w": 0.8, "pd_bandwidth_ghz": 40.0},
)


def test_ring_parameters_come_from_design_layout_and_devices():
    found = parameters.ring_modulators(DESIGN, engine(r0=RING, d0=DIODE))
    assert list(found) == ["r0"]
    p = found["r0"]
    assert (p.radius_um, p.gap_um, p.wavelength_nm) == (8.0, 0.18, 1300.0)
    assert p.fwhm_pm == pytest.approx(1300e3 / 4000)
    assert p.bias_v == pytest.approx(1.2)
    length = math.pi * 8
    assert p.capacitance_ff == pytest.approx(0.331 * length)
    assert p.resistance_ohm == pytest.approx(11730 / length)
    assert p.depth == DESIGN.engine.ring_depth


def test_each_ring_of_a_grid_has_its_own_wavelength():
    part = {"modulator": "ring", "wavelengths": 4, "receiver": "drop-filter", "lanes": 2}
    design = DESIGN.model_copy(update={"engine": DESIGN.engine.model_validate(part)})
    bank = engine_plan.plan(design.engine, 2).modulator_rings
    rings = {
        f"r{k}": device("ring_modulator", radius_um=bank.rings[k].radius_um, gap_um=0.2)
        for k in (2, 0, 3, 1)
    }
    found = parameters.ring_modulators(design, engine(**rings))
    first = 299792458.0 / 1310e-9
    for k in range(4):
        p = found[f"r{k}"]
        assert p.wavelength_nm == pytest.approx(299792458.0 / (first - k * 200e9) * 1e9)
        assert p.fwhm_pm == pytest.approx(p.wavelength_nm * 1e3 / design.engine.ring_q)


def test_lifetime_and_width_of_the_resonance_are_those_of_the_quality_factor():
    p = parameters.ring_modulators(DESIGN, engine(r0=RING))["r0"]
    w = 2 * math.pi * 299792458.0 / 1300e-9
    assert p.lifetime_ps == pytest.approx(2 * 4000 / w * 1e12)


def test_a_narrow_gap_overcouples_and_a_wide_one_undercouples():
    def one(gap):
        instance = device("ring_modulator", radius_um=8.0, gap_um=gap)
        return parameters.ring_modulators(DESIGN, engine(r0=instance))["r0"]

    assert one(0.02).overcoupled
    assert not one(0.25).overcoupled
    assert one(0.02).coupling == pytest.approx(2 - one(0.25).coupling)
    for p in (one(0.02), one(0.25)):
        assert 1 - (1 - p.coupling) ** 2 == pytest.approx(p.depth)


@pytest.mark.parametrize("gap", [0.06, 0.1, 0.2])
def test_the_drawn_ring_is_the_resonance_of_its_scattering_model(gap):
    drawn = parameters.drawn_ring(O_BAND, 10.0, gap)
    carrier = 299792458.0 / 1310e-9
    at = carrier + np.linspace(-0.6e12, 0.6e12, 200_001)  # more than a free spectral range
    instance = {"radius_um": 10.0, "gap_um": gap, "path_um": 1e-6}
    power = np.abs(scatter.smatrix("ring_modulator", instance, at)[:, 1, 0]) ** 2
    power /= power.max()  # beside the resonance a ring of low finesse is not quite clear
    lowest = int(np.argmin(power))
    assert 1 - power[lowest] == pytest.approx(drawn.depth, abs=0.03)
    half = np.flatnonzero(power < (1 + power[lowest]) / 2)
    run = half[np.abs(half - lowest) < 60_000]
    width = at[run[-1]] - at[run[0]]
    assert carrier / width == pytest.approx(drawn.q, rel=0.06)


def test_photodiode_parameters_come_from_design_layout_and_devices():
    p = parameters.photodiodes(DESIGN, engine(r0=RING, d0=DIODE))["d0"]
    assert (p.length_um, p.width_um, p.responsivity_a_per_w) == (24.0, 1.5, 0.8)
    assert p.capacitance_ff == pytest.approx(0.5 * 24)
    assert p.transit_ghz > 40.0


def test_a_bandwidth_beyond_the_junctions_is_refused():
    slow = device("photodiode", length_um=300.0, width_um=1.5)
    with pytest.raises(DesignError, match=r"pd_bandwidth_ghz = 40 .* 300 um .*below 35.37"):
        parameters.photodiodes(DESIGN, engine(d=slow))


def test_a_netlist_without_measures_is_refused():
    with pytest.raises(DesignError, match="netlist engine: r0 has no gap_um; allowed: an extract"):
        parameters.ring_modulators(DESIGN, engine(r0=device("ring_modulator", radius_um=8.0)))
    with pytest.raises(DesignError, match="netlist engine: d0 has no length_um"):
        parameters.photodiodes(DESIGN, engine(d0=device("photodiode")))


@pytest.fixture(scope="module")
def drawn(regions):
    from lightloom.photonics.cells.ring_modulator import ring_modulator

    return regions(ring_modulator(radius=10.0))


def test_the_length_of_the_junction_is_the_drawn_one(drawn):
    # N touches P along the junction: what lies within 20 nm of P, over 20 nm.
    near = drawn[tech.P].sized(20) & drawn[tech.N]
    length = near.area() * tech.DBU_UM**2 / 0.02
    assert parameters.junction_length_um(10.0) == pytest.approx(length, rel=0.03)


def test_the_squares_of_the_heater_are_those_of_the_drawn_film(drawn):
    # Laplace's equation in the film on a grid of 0.25 um, both contacts held.
    step = 250
    film, contact = drawn[tech.HEATER], drawn[tech.VIAH]
    box = film.bbox()
    nodes: dict[tuple[int, int], int] = {}
    held: dict[int, float] = {}
    for ix, x in enumerate(range(box.left + step // 2, box.right, step)):
        for iy, y in enumerate(range(box.bottom + step // 2, box.top, step)):
            cell = kdb.Region(kdb.Box(x, y, x + 1, y + 1))
            if not (cell & film).is_empty():
                nodes[ix, iy] = len(nodes)
                if not (cell & contact).is_empty():
                    held[nodes[ix, iy]] = float(x > box.center().x)
    rows, columns, values, right = [], [], [], np.zeros(len(nodes))
    for (ix, iy), n in nodes.items():
        if n in held:
            rows, columns, values = [*rows, n], [*columns, n], [*values, 1.0]
            right[n] = held[n]
            continue
        beside = [nodes.get((ix + a, iy + b)) for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1))]
        there = [m for m in beside if m is not None]
        rows += [n] * (len(there) + 1)
        columns += [n, *there]
        values += [float(len(there)), *[-1.0] * len(there)]
    v = spsolve(coo_array((values, (rows, columns))).tocsr(), right)
    current = 0.0
    for (ix, iy), n in nodes.items():
        if held.get(n) == 1.0:
            beside = [nodes.get((ix + a, iy + b)) for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1))]
            current += sum(1.0 - v[m] for m in beside if m is not None)
    squares = math.pi * 10.0 / parameters.HEATER_WIDTH_UM + parameters.HEATER_SQUARES
    assert 1 / current == pytest.approx(squares, rel=0.05)
