"""The chip in C++ against numpy, its lock over a ramp, and its calibration by the taps."""

import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lightloom import spec
from lightloom.cosim.chip import calibrate, ramp, session
from lightloom.photonics import layout
from lightloom.photonics.circuit.process import Process
from lightloom.photonics.switch import sample
from lightloom.rtl.ocs.drive.model import FULL
from lightloom.rtl.ocs.lock.feeds import feeds
from lightloom.spec import DesignError, fabrics

DESIGN = Path(__file__).parents[3] / "designs" / "xpu_cpo.toml"


def chip(ports, number=0):
    settings = {"switch.monitors": "cell", "switch.dac_bits": "14", "switch.ports": str(ports)}
    design = spec.load(DESIGN, settings)
    with tempfile.TemporaryDirectory() as folder:
        netlist = layout.run("switch", design, Path(folder)).extracted
    return sample.draw(design, netlist, Process(), number)


@pytest.fixture(scope="module")
def eight():
    return chip(8)


def test_light_of_the_chip_is_that_of_its_model(eight):
    states = fabrics.route("benes", 8, [3, 0, 6, 1, 7, 2, 5, 4])
    bar, cross = session.levels(eight)
    with session.Session(eight, 8) as running:
        running.start(bar, cross)
        running.states(states)
        running.light(range(8))
        for kelvin in (0.0, 20.0):
            running.send(f"ramp {kelvin} {kelvin} 0")
            running.run(2e-3, 1.0)
            power, codes = running.power(), running.codes()
            drive = (np.array(codes) / (2**14 - 1)) ** 2
            expected = np.abs(eight.transfer(eight.phases_rad(drive, kelvin), kelvin)) ** 2
            assert power == pytest.approx(expected, rel=1e-5, abs=1e-9)
        # The drive takes the heat of neighbours off, and comes to where the closed form has it.
        rest = calibrate.settled(eight, bar, cross, states, 8)
        assert np.abs(np.sqrt(drive) - np.sqrt(rest)).max() * (2**14 - 1) < 4


def test_a_round_takes_off_the_share_of_an_error_that_the_closed_form_says(eight):
    settings = ramp.Settings()
    states, targets = fabrics.route("benes", 8, list(range(8))), tuple(range(8))
    unit = eight.own_rad(np.ones(eight.cells)) / FULL
    # Half the product of both phases, of which 2**gain / 2**8 comes as power.
    share = np.mean(settings.amplitude * unit**2 / 2) * 2.0 ** (16 + settings.gain - 8)
    assert 0.06 < share < 0.1
    away = np.rint(0.3 / unit).astype(int)
    with session.Session(eight, 8, clock_mhz=2.0) as running:
        running.start(*((np.array(part) + away).tolist() for part in session.levels(eight)))
        running.states(states)
        running.light(targets)
        running.set(wait=running.clocks(200e-6), **vars(settings))
        assert running.until("settled", 0.1)
        assert not running.get("locked")[0]
        error = []
        for rounds in (0, 12):
            if rounds:
                running.set(enable=1)
                for _ in range(rounds):
                    assert running.until("round", 0.2)
                running.set(enable=0)
            running.run(1e-3, 1.0)
            error.append(running.phases() - eight.phases_rad(eight.settings(states)))
    error = np.mean((np.array(error) + math.pi) % (2 * math.pi) - math.pi, axis=1)
    assert error[0] == pytest.approx(0.3, abs=0.02)
    # Light that leaks through cells this far off meets again and moves the nulls of others.
    assert 1 - (error[1] / error[0]) ** (1 / 12) == pytest.approx(share, rel=0.2)


def test_lock_holds_extinction_where_it_falls_without(eight):
    # 4 K at one and a half times the rate of the command; all of it is the slow test below.
    found = ramp.run(eight, 8, (3, 0, 6, 1, 7, 2, 5, 4), kelvin=4.0, seconds=8.0, settle_s=0.6)
    assert (found.on_db - found.fresh_db).min() > -1.0
    assert (found.off_db - found.fresh_db).min() < -1.0
    assert (found.lost, found.limited) == (0, 0)
    assert found.locked_s < 0.2


@pytest.mark.slow
def test_routes_are_held_over_twenty_kelvin(eight):
    # Those with the worst of all routes; `lightloom ocs ramp` takes all eight settings.
    for shift in (0, 4):
        found = ramp.run(eight, 8, tuple((i + shift) % 8 for i in range(8)))
        assert (found.on_db - found.fresh_db).min() > -1.0
        assert (found.off_db - found.fresh_db).min() < -1.0


def test_what_no_phase_brings_back_is_couplers_and_in_some_routes_leaked_light(eight):
    # Exact phases over 20 K, all routes: with couplers that stay most keep what they had.
    steps = tuple(replace(s, per_k=0.0) if isinstance(s, sample.Two) else s for s in eight.steps)
    falls = []
    for made in (eight, replace(eight, steps=steps)):
        kept = []
        for shift in range(8):
            targets = [(i + shift) % 8 for i in range(8)]
            phases = made.phases_rad(made.settings(fabrics.route("benes", 8, targets)))
            over = [
                calibrate.ratio_db(np.abs(made.transfer(phases, kelvin)[:8]) ** 2, targets)
                for kelvin in (0.0, 10.0, 20.0)
            ]
            kept.append(np.min(over, axis=0) - over[0])
        falls.append(np.array(kept))
    drifting, fixed = falls
    assert np.median(drifting) < -1.5
    assert np.median(fixed) > -0.1
    # Light that leaks and meets again by ways of other lengths.
    assert (fixed < -1.0).sum() < 12 < 40 < (drifting < -1.0).sum()


def calibrated(made, ports, permutations):
    rng = np.random.default_rng(11)
    start = [rng.integers(0, 1 << 16, made.cells).tolist() for _ in range(2)]
    with session.Session(made, ports) as running:
        found = calibrate.calibrate(running, ports, tuple(start))
    wanted = session.levels(made)
    unit = made.own_rad(np.ones(made.cells)) / FULL
    for powers, exact in zip((found.bar, found.cross), wanted, strict=True):
        error = (np.array(powers) - calibrate.nearest(made, powers, exact)) * unit
        # Light that leaked before and meets again moves a null by up to twice its amplitude.
        assert np.abs(error).max() < 0.06
        assert error.std() < 0.012
    worst = []
    for powers in ((found.bar, found.cross), wanted):
        ratios = []
        rng = np.random.default_rng(12)
        for _ in range(permutations):
            targets = rng.permutation(ports).tolist()
            states = fabrics.route("benes", ports, targets)
            power = calibrate.settled(made, *powers, states, 8)
            ratios.append(calibrate.extinction_db(made, power, targets))
        worst.append(np.min(ratios))
    assert worst[0] > worst[1] - 1.0


def test_four_ports_calibrate_themselves_from_random_codes():
    calibrated(chip(4), 4, 24)


@pytest.mark.slow
def test_sixteen_ports_calibrate_themselves_from_random_codes():
    calibrated(chip(16), 16, 40)


@pytest.mark.parametrize(("topology", "ports"), [("benes", 16), ("piloss", 4), ("odd-even", 6)])
def test_a_cell_is_reached_through_cells_before_it(topology, ports):
    plan = fabrics.plan(topology, ports)
    for cell in range(len(feeds(plan))):
        source, side, before = calibrate.route_to(topology, ports, cell)
        assert all(k < cell for k in before)
        states = [before.get(k, fabrics.CROSS) for k in range(len(feeds(plan)))]
        # Followed forwards, the light of that input comes to that side of the cell.
        out = {}
        for k, pair in enumerate(feeds(plan)):
            light = [f.index if f.kind == 1 else out.get(f.index) if f.kind == 2 else None
                     for f in pair]  # fmt: skip
            if k == cell:
                assert light[side] == source
                break
            out[2 * k], out[2 * k + 1] = light if states[k] == fabrics.BAR else light[::-1]


def test_a_chip_that_does_not_lock_is_refused(eight):
    with pytest.raises(DesignError, match=r"not locked within 0\.02 s"):
        ramp.run(eight, 8, tuple(range(8)), settle_s=0.02)


def test_chips_without_taps_are_refused():
    design = spec.load(DESIGN, {})
    with tempfile.TemporaryDirectory() as folder:
        netlist = layout.run("switch", design, Path(folder)).extracted
    with pytest.raises(
        DesignError, match=r"no photodiode on a pad p0_0u; allowed: switch.monitors"
    ):
        sample.draw(design, netlist, None)
