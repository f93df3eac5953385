"""The drive bit for bit against its golden model, and against the physics of heaters."""

import gc
import random

import pytest

from lightloom.rtl.ocs.drive.drive import Drive
from lightloom.rtl.ocs.drive.model import Cell, DriveModel


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
