"""Overdrive by the model of the drive: interrupted changes, and what needs no physics. Bit for bit
and against the closed form it is tested with the drive."""

import gc
import math

import pytest

from lightloom.rtl.ocs.drive.command import Command
from lightloom.rtl.ocs.drive.model import FULL, Cell, DriveModel, thermal_settings

TICK_S, TAU_S = 0.2e-6, 10e-6


def settled(**settings):
    """A model whose one cell has long been at bar."""
    model = DriveModel(1, 16)
    model.cells[0] = Cell(bar=FULL // 4, cross=FULL // 2)
    step, inverse = thermal_settings(TICK_S, TAU_S)
    for name, value in {"thermal_step": step, "thermal_inverse": inverse, **settings}.items():
        setattr(model.settings, name, value)
    for _ in range(600):
        model.tick([0])
    return model


def heat(model, states):
    """True heat of the cell after each tick, of its commands."""
    out, now = [], float(model.cells[0].command)
    for state in states:
        model.tick([state])
        power = model.cells[0].command
        now = power + (now - power) * math.exp(-TICK_S / TAU_S)
        out.append(now)
    return out


def test_a_change_that_interrupts_another_begins_where_the_heater_is():
    model = settled(overdrive_factor=255, overdrive_ticks=500)
    states = [1] * 10 + [0] * 100  # half way up, and back
    curve = heat(model, states)
    top = curve[9]
    assert FULL * 0.3 < top < FULL * 0.45
    # Falling from there to a quarter by cutting to 0.
    ticks = TAU_S * math.log(top / (FULL / 4)) / TICK_S
    arrived = next(n for n, h in enumerate(curve[10:]) if abs(h - FULL // 4) < FULL * 0.004)
    assert arrived + 1 == pytest.approx(ticks, abs=1.5)
    assert max(abs(h - FULL // 4) for h in curve[10 + arrived :]) < FULL * 0.004


def test_what_the_heater_does_later_is_within_a_milliradian_scale():
    model = settled(overdrive_factor=255, overdrive_ticks=500)
    curve = heat(model, [1] * 200)
    # Full scale is 4 pi: 0.1 % of it is 13 mrad.
    assert max(abs(h - FULL // 2) for h in curve[30:]) < FULL * 1e-3


def test_the_most_ticks_end_an_overdrive_whose_model_is_wrong():
    step, inverse = thermal_settings(TICK_S, 50 * TAU_S)
    model = settled(
        overdrive_factor=32, overdrive_ticks=6, thermal_step=step, thermal_inverse=inverse
    )
    commands = []
    for _ in range(12):
        model.tick([1])
        commands.append(model.cells[0].command)
    assert min(commands[:6]) > FULL // 2
    assert set(commands[6:]) == {FULL // 2}


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="cells = 4097; allowed: an integer from 1 to 4096"):
        Command(4097)
    gc.collect()
