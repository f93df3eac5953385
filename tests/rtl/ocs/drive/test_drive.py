"""The drive bit for bit against its golden model, and against the physics of heaters."""

import gc
import math
import random

import numpy as np
import pytest

from lightloom.rtl.ocs.drive.drive import Drive, depth, tick_seconds
from lightloom.rtl.ocs.drive.model import FULL, Cell, DriveModel, thermal_settings


def calibrate(rng, cells, neighbours):
    """A random calibration."""
    return Cell(
        bar=rng.randrange(0x10000),
        cross=rng.randrange(0x10000),
        offset=rng.randrange(-0x800, 0x800),
        gain=rng.randrange(0x4000, 0x10000),
        curvature=rng.randrange(-0x4000, 0x4000),
        terms=[(rng.randrange(cells), rng.randrange(-0x1000, 0x1000)) for _ in range(neighbours)],
    )


def settings(rng, cells):
    return {
        "overdrive_factor": rng.choice([0, 16, 32, 48, 255]),
        "overdrive_ticks": rng.choice([0, 1, 5, 40]),
        "thermal_step": rng.choice([0, 0, 500, 5000, 20000]),
        "thermal_inverse": rng.choice([0xFFFF, 3355, 838]),
        "budget": rng.choice([2**32 - 1, cells * 0x9000, cells * 0x5000]),
        "slew": rng.choice([0, 0, 10, 100]),
    }


@pytest.mark.parametrize(
    ("cells", "dac_bits", "neighbours", "rounds"),
    [(5, 10, 2, 300), (20, 16, 8, 120), (20, 12, 0, 60), (1, 1, 1, 40)],
)
def test_the_drive_follows_the_golden_model(bench, cells, dac_bits, neighbours, rounds):
    rng = random.Random(5 + cells)
    model = DriveModel(cells, dac_bits)
    dut = bench(cells, dac_bits, neighbours)
    states = [0] * cells
    # Writes come right after an edge, before the next tick begins.
    dut.set(parked=1, budget=model.settings.budget, tick_clocks=10**6)
    dut.add("n")
    expected, powers = [model.tick(states, park=True)], [0]
    for number in range(cells):
        cell = calibrate(rng, cells, neighbours)
        dut.load(number, cell)
        model.cells[number] = cell
    dut.set(tick_clocks=400)
    park = True
    for _ in range(rounds):
        what = rng.randrange(8)
        if what == 0:
            chosen = settings(rng, cells)
            chosen["slew"] = min(chosen["slew"], 2**dac_bits - 1)
            dut.set(**chosen)
            for name, value in chosen.items():
                setattr(model.settings, name, value)
        elif what <= 3:
            states = [rng.getrandbits(1) for _ in range(cells)]
            dut.states(states)
        elif what == 4:
            number = rng.randrange(cells)
            trim = rng.randrange(-0x8000, 0x8000)
            model.cells[number].trim[states[number]] = trim
            dut.trim(number, trim)
        elif what == 5:
            model.dither = rng.choice([None, (rng.randrange(cells), rng.randrange(-2048, 2048))])
            on, value = model.dither or (0, 0)
            dut.set(dither_on=int(model.dither is not None), dither_cell=on)
            dut.set(dither_value=value & 0xFFF)
        elif what == 6 or park:
            park = rng.random() < 0.3
            dut.set(parked=int(park))
        for _ in range(rng.randrange(1, 6)):
            dut.add("n")
            expected.append(model.tick(states, park=park))
            powers.append(model.power)
    got = dut.run()
    assert len(got) == len(expected)
    for number, ((codes, rest), codes_due, power_due) in enumerate(
        zip(got, expected, powers, strict=True)
    ):
        assert codes == codes_due, number
        assert rest[0] == power_due, number


@pytest.mark.parametrize("sizes", [(5, 10, 2), (20, 16, 8), (1, 1, 1)])
def test_a_tick_takes_a_clock_a_cell_and_the_depth(bench, sizes):
    dut = bench(*sizes)
    dut.add(*["n"] * 6)
    dut.set(tick_clocks=100)
    dut.add(*["n"] * 6)
    clocks = [rest[4] for _, rest in dut.run()]
    assert set(np.diff(clocks[:6])) == {sizes[0] + depth(sizes[1])}
    assert set(np.diff(clocks[-4:])) == {100}


SIZES = 20, 16, 8
"""Cells, bits of a code, neighbours."""


def begin(dut, cells, **values):
    """Load calibrations and let the parked drive come to know them."""
    dut.set(parked=1, budget=2**32 - 1, tick_clocks=10**6, **values)
    dut.add("n")
    for number, cell in enumerate(cells):
        dut.load(number, cell)
    dut.set(tick_clocks=0)
    dut.add(*["n"] * 12)


def powers(codes, full=FULL):
    """Powers of codes at gain 1, up to the rounding of the root."""
    return np.square(np.asarray(codes, float)) / 2**16 * full / FULL


def test_thermal_crosstalk_is_inverted_as_numpy_does(bench):
    rng = np.random.default_rng(3)
    count, _, neighbours = SIZES
    matrix = np.zeros((count, count))
    cells = []
    for row in range(count):
        others = rng.permutation([n for n in range(count) if n != row])[:neighbours]
        terms = [(int(n), int(rng.integers(-1900, 1900))) for n in others]
        for n, coefficient in terms:
            matrix[row, n] = coefficient / 2**15
        bar, cross = (int(rng.integers(15000, 45000)) for _ in range(2))
        cells.append(Cell(bar=bar, cross=cross, terms=terms))
    states = [int(x) for x in rng.integers(0, 2, count)]
    dut = bench(*SIZES)
    begin(dut, cells)
    dut.states(states)
    dut.add("c")
    dut.set(parked=0)
    dut.add(*["n"] * 30)
    rows = [codes for codes, _ in dut.run()]
    wanted = [cell.cross if state else cell.bar for cell, state in zip(cells, states, strict=True)]
    exact = np.linalg.solve(np.eye(count) + matrix, wanted)
    assert np.abs(exact - wanted).max() > 3000  # there is something to compensate
    # One code is up to 2 LSB of power here; the iteration rests within `neighbours` + 2.
    assert np.abs(powers(rows[-1]) - exact).max() < neighbours + 4
    assert rows[-1] == rows[-2] == rows[-10]


def response(codes, start, tau_s, tick_s):
    """Power that a heater of one pole holds at the end of each tick."""
    heat, out = start, []
    for power in powers(codes):
        heat = power + (heat - power) * math.exp(-tick_s / tau_s)
        out.append(heat)
    return np.array(out)


@pytest.mark.parametrize(
    ("first", "then", "constants"),
    [(1, 2, math.log(3 / 2)), (2, 1, math.log(2)), (0, 3, math.log(4)), (3, 1, math.log(3))],
    ids=["pi to 2 pi", "2 pi to pi", "0 to 3 pi", "3 pi to pi"],
)
def test_overdrive_takes_the_time_of_the_closed_form(bench, first, then, constants):
    tau_s, pi = 20e-6, FULL / 4
    tick_s = tick_seconds(*SIZES[:2], 250.0)
    step, inverse = thermal_settings(tick_s, tau_s)
    cells = [Cell(bar=round(first * pi), cross=round(then * pi))] * SIZES[0]
    ticks = round(6 * tau_s / tick_s)

    def run(factor):
        dut = bench(*SIZES)
        begin(dut, cells, thermal_step=step, thermal_inverse=inverse, overdrive_ticks=1000)
        dut.set(parked=0)
        dut.add(*["n"] * ticks * 2)
        dut.set(overdrive_factor=factor)
        dut.states([1] * SIZES[0])
        dut.add("c", *["n"] * ticks)
        codes = [row[7] for row, _ in dut.run()][-ticks:]
        heat = response(codes, first * pi, tau_s, tick_s)
        far = np.abs(heat - then * pi) > 0.05 * abs(then - first) * pi
        return (np.flatnonzero(far).max() + 2) * tick_s / tau_s

    plain, driven = run(16), run(255)
    # The first tick of codes is that which was running at the change, 0.01 tau long.
    assert plain == pytest.approx(math.log(20), abs=3 * tick_s / tau_s)
    exact = constants - math.log(1 + 0.05 * abs(then - first) / boost_end(first, then))
    assert driven == pytest.approx(exact, abs=3 * tick_s / tau_s)
    assert plain / driven > 2.2


def boost_end(first, then):
    """How far, in pi, the clipped command is beyond the goal."""
    return 4 - then if then > first else then


def test_overdrive_without_a_thermal_model_takes_its_ticks(bench):
    dut = bench(*SIZES)
    cells = [Cell(bar=10000, cross=30000)] * SIZES[0]
    begin(dut, cells, overdrive_ticks=5, overdrive_factor=32)
    dut.set(parked=0)
    dut.add(*["n"] * 20)
    dut.states([1] + [0] * (SIZES[0] - 1))
    dut.add("c", *["n"] * 10)
    got = [round(p) for p in powers([codes[0] for codes, _ in dut.run()][-10:])]
    at = [round(p, -2) for p in got]
    assert at in ([10000] + [50000] * 5 + [30000] * 4, [50000] * 5 + [30000] * 5)


def test_the_budget_holds_on_the_way_and_what_falls_goes_first(bench):
    rng = random.Random(11)
    count = SIZES[0]
    dut = bench(*SIZES)
    cells = [Cell(bar=rng.randrange(2000, 40000), cross=0) for _ in range(count)]
    for cell in cells:
        cell.cross = 42000 - cell.bar
    need = sum(max(c.bar, c.cross) for c in cells)
    budget = need * 3 // 4
    step, inverse = thermal_settings(0.224e-6, 3e-6)
    begin(dut, cells, overdrive_factor=48, overdrive_ticks=100)
    dut.set(thermal_step=step, thermal_inverse=inverse, budget=budget, parked=0)
    ends = []
    prints = 12
    for _ in range(30):
        states = [rng.getrandbits(1) for _ in range(count)]
        dut.states(states)
        dut.add("c", *["n"] * 110)
        prints += 110
        wanted = [c.cross if s else c.bar for c, s in zip(cells, states, strict=True)]
        ends.append((prints, wanted))
    rows = dut.run()
    assert all(powers(codes).sum() <= budget for codes, _ in rows)
    assert all(rest[0] <= budget for _, rest in rows)
    assert max(rest[0] for _, rest in rows) > budget * 0.97
    fits = 0
    for at, wanted in ends:
        codes, (power, over, *_) = rows[at]
        if sum(wanted) <= budget:
            fits += 1
            assert power == sum(wanted)
            assert not over
            assert np.abs(powers(codes) - wanted).max() < 3
        else:
            assert over
    assert 3 < fits < 30


def test_a_slewed_code_keeps_its_share_of_the_budget(bench):
    dut = bench(*SIZES)
    cells = [Cell(bar=40000, cross=1000), Cell(bar=1000, cross=40000)]
    cells += [Cell()] * (SIZES[0] - 2)
    begin(dut, cells, slew=500)
    dut.set(parked=0, budget=42000)
    dut.add(*["n"] * 120)
    dut.states([1, 1] + [0] * (SIZES[0] - 2))
    dut.add("c", *["n"] * 250)
    rows = [codes for codes, _ in dut.run()]
    before, after = powers(rows[131][:2]), powers(rows[-1][:2])
    assert before == pytest.approx([40000, 1000], abs=3)
    assert after == pytest.approx([1000, 40000], abs=3)
    assert all(powers(codes).sum() <= 42000 for codes in rows)
    steps = np.diff(np.array(rows[131:]), axis=0)
    assert np.abs(steps).max() == 500


def test_park_is_at_once_and_release_takes_two_ticks(bench):
    dut = bench(*SIZES)
    cells = [Cell(bar=30000, cross=40000)] * SIZES[0]
    begin(dut, cells, settle_clocks=100)
    dut.set(parked=0)
    dut.add("n", "n", "w 17", "p")
    dut.set(parked=1)
    dut.add("w 1", "p", "n", "n")
    dut.set(parked=0)
    dut.add("n", "n", "p", "w 300", "p")
    rows = dut.run()[14:]
    full = rows[0][0]
    assert min(full) > 40000
    assert rows[1][0] == full
    assert [codes for codes, _ in rows[2:5]] == [[0] * SIZES[0]] * 3
    held = [rest[3] for _, rest in rows]
    assert held[2:5] == [1, 1, 1]
    assert held[0] == 0
    assert rows[-1][0] == full
    length = SIZES[0] + depth(SIZES[1])
    clocks = [rest[4] for _, rest in rows]
    new = next(n for n in range(5, len(rows)) if rows[n][0] == full)
    assert clocks[new] - clocks[4] <= 2 * length + 1
    assert rows[-1][1][2] == 1  # settled
    assert rows[new][1][2] == 0


def test_a_silent_master_parks_until_released(bench):
    dut = bench(*SIZES)
    begin(dut, [Cell(bar=30000)] * SIZES[0])
    dut.set(parked=0, watchdog_clocks=1000)
    for _ in range(5):
        dut.add("w 900", "k")
    dut.add("p", "w 999", "p", "w 2", "p", "k", "w 500", "p", "v", "w 300", "p")
    rows = dut.run()[12:]
    lit = [max(codes) > 0 for codes, _ in rows]
    assert lit[-5:] == [True, True, False, False, True]


def test_settled_waits_for_overdrive_and_time(bench):
    dut = bench(*SIZES)
    begin(dut, [Cell(bar=10000, cross=30000)] * SIZES[0], overdrive_factor=32, overdrive_ticks=8)
    dut.set(parked=0, settle_clocks=500)
    dut.add("w 5000", "p")
    dut.states([1] * SIZES[0])
    dut.add("c", "p", *["n"] * 9, "p", "w 400", "p", "w 400", "p")
    settled = [rest[2] for _, rest in dut.run()][13:]
    assert settled[0] == 1
    assert not any(settled[1:-1])
    assert settled[-1] == 1


@pytest.mark.slow
def test_832_cells_follow_the_golden_model(bench):
    rng = random.Random(1)
    count, dac_bits, neighbours = 832, 16, 8
    model = DriveModel(count, dac_bits)
    dut = bench(count, dac_bits, neighbours)
    model.settings.budget = count * 0x6000
    states = [0] * count
    dut.set(parked=1, budget=model.settings.budget, tick_clocks=10**6)
    dut.add("n")
    model.tick(states, park=True)
    for number in range(count):
        model.cells[number] = calibrate(rng, count, neighbours)
        dut.load(number, model.cells[number])
    dut.set(tick_clocks=2000, parked=0)
    expected = []
    for _ in range(5):
        states = [rng.getrandbits(1) for _ in range(count)]
        dut.states(states)
        for _ in range(3):
            dut.add("n")
            expected.append(model.tick(states))
    got = [codes for codes, _ in dut.run()][1:]
    assert got == expected


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_bad_parameters_are_refused():
    for arguments, message in [
        ((0, 10, 250.0), "cells = 0; allowed: an integer from 1 to 4096"),
        ((20, 17, 250.0), "dac_bits = 17; allowed: an integer from 1 to 16"),
        ((20, 10, 0.0), "clock_mhz = 0.0; allowed: above 0, at most 10000"),
    ]:
        with pytest.raises(ValueError, match=message):
            Drive(*arguments)
    with pytest.raises(ValueError, match="neighbours = 17; allowed: an integer from 0 to 16"):
        Drive(20, 10, 250.0, neighbours=17)
    gc.collect()  # so that the refused components warn here
