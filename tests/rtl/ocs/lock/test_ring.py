"""The ring lock on a bus of rings: order, drift, loss of a laser, a dead heater."""

import gc
import math
import subprocess
from pathlib import Path

import numpy as np
import pytest

from lightloom.photonics.circuit import rings
from lightloom.rtl.ocs.lock.ring import RingLock

SPACING, FWHM, PM = 1140.0, 280.0, 2.0
"""pm: 200 GHz at 1310 nm, a quarter of it, and a step of the heater's code."""
RINGS, BITS = 4, 12


@pytest.fixture(scope="module")
def bus(verilate):
    main = Path(__file__).with_name("ring.cpp").read_text()
    head = (
        f"#define RINGS {RINGS}\n#define BITS {BITS}\n#define SPACING {SPACING}\n"
        f"#define FWHM {FWHM}\n#define PM {PM}\n#define WORD(at) (top.codes >> (at))\n"
    )
    binary = verilate(RingLock(RINGS, code_bits=BITS), "ring", head + main)

    def run(rest, *, drift=0.0, cut=-1, off=0.0, on=1e9, end=80, dead=-1):
        arguments = [drift, cut, off, on, end, *rest, dead]
        done = subprocess.run(
            [binary, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=True
        )
        return np.array([[float(w) for w in line.split()] for line in done.stdout.splitlines()])

    return run


ALIKE = (300.0, 300.0, 300.0, 300.0)
LASERS = SPACING * np.arange(RINGS)


def test_each_ring_takes_the_next_wavelength(bus):
    found = bus(ALIKE)[-1]
    assert found[1] == 0b1111
    assert found[2:4].tolist() == [0, 0]
    assert found[5] == 1
    assert found[6:] == pytest.approx(LASERS, abs=FWHM / 10)


@pytest.mark.parametrize("seed", range(8))
def test_rests_that_differ_by_the_process_keep_the_order(bus, seed):
    # Half a nm of width to either side moves a ring by 250 pm; half a spacing is the limit.
    rest = 500.0 + np.random.default_rng(seed).uniform(-250, 250, RINGS)
    found = bus(rest)[-1]
    assert found[1] == 0b1111
    assert found[6:] == pytest.approx(LASERS, abs=FWHM / 10)


@pytest.mark.parametrize("drift", [8.0, -3.0])
def test_locked_rings_stay_while_the_chip_warms_or_cools(bus, drift):
    # From 60 ms on. 70 pm/K: 8 pm a ms is more than 100 K/s. Each ring needs the reach for it.
    rest = 900.0 if drift > 0 else 300.0
    found = bus([rest] * RINGS, drift=drift, end=140)
    assert (found[60:, 1] == 0b1111).all()
    assert np.abs(found[60:, 6:] - LASERS).max() < FWHM / 4


def test_a_laser_that_comes_back_finds_its_ring_held(bus):
    found = bus(ALIKE, cut=2, off=60.0, on=65.0, end=90)
    gap = found[62:64]
    assert (gap[:, 1] == 0b1111).all()
    assert (gap[:, 3] == 0b0100).all()
    assert found[-1][1] == 0b1111
    assert found[-1][3] == 0
    assert found[-1][6:] == pytest.approx(LASERS, abs=FWHM / 10)


def test_a_lost_laser_is_searched_and_its_ring_takes_no_other(bus):
    found = bus(ALIKE, cut=1, off=60.0, on=1e9, end=160)
    last = found[-1]
    # Ring 1 looked for light up to its top code and failed; others kept theirs.
    assert last[1] == 0b1101
    assert last[2] == 0b0010
    assert last[6:][[0, 2, 3]] == pytest.approx(LASERS[[0, 2, 3]], abs=FWHM / 10)


def test_a_dead_heater_does_not_shift_the_others(bus):
    last = bus(ALIKE, dead=1, end=150)[-1]
    assert last[2] == 0b0010
    assert last[1] == 0b1101
    assert last[6:][[0, 2, 3]] == pytest.approx(LASERS[[0, 2, 3]], abs=FWHM / 10)


def test_near_a_resonance_the_rings_are_the_models(bus):
    # The bench's Lorentzian against the closed form of `circuit.rings`, 0.9 of the light dropped.
    t = math.sqrt(1 - 0.03)
    loss = 0.0
    for _ in range(60):  # round-trip loss for a drop of 0.9
        kept = math.sqrt(1 - loss)
        peak = abs(rings.add_drop(np.array(t), np.array(t), np.sqrt(np.array(kept + 0j)))[2]) ** 2
        loss += 1e-3 * (float(peak) - 0.9)
    kept = math.sqrt(1 - loss)
    half = math.pi / rings.finesse(t * t * kept)
    for d in np.linspace(-2, 2, 17):
        phase = np.array(kept * np.exp(1j * d * half))
        drop = abs(rings.add_drop(np.array(t), np.array(t), np.sqrt(phase))[2]) ** 2
        assert float(drop) == pytest.approx(0.9 / (1 + d * d), rel=0.02)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_bad_parameters_are_refused():
    with pytest.raises(ValueError, match="rings = 17; allowed: 1 to 16"):
        RingLock(17)
    with pytest.raises(ValueError, match="code_bits = 5; allowed: 6 to 16"):
        RingLock(4, code_bits=5)
    gc.collect()  # of what was refused, while its warning is off
