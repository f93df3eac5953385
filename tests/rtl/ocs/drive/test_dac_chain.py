"""Chains of DACs alone: durations, and parameters. Their traffic is in `test_spi_drive`."""

import gc

import pytest

from lightloom.rtl.ocs.drive.dac_chain import PROBE, DacChains, Timing
from lightloom.rtl.ocs.drive.parts import LTC2668


@pytest.mark.parametrize("clock_mhz", [10, 50, 100, 156.25, 250, 500, 1000])
@pytest.mark.parametrize("devices", [1, 2, 4, 16])
def test_phases_keep_the_data_sheet_at_every_clock(devices, clock_mhz):
    t, part, ns = Timing(LTC2668, devices, clock_mhz), LTC2668, 1000 / clock_mhz
    least = {
        "low": max(part.low, part.setup, (part.delay + part.setup) * (devices > 1)),
        "high": max(part.high, part.hold),
        "lead": max(part.lead, part.setup),
        "lag": 0,
        "gap": max(part.deselect, part.ignore),
    }
    for name, time_ns in least.items():
        assert getattr(t, name) * ns >= time_ns - 1e-6
    assert (t.low + t.high) * ns >= part.period - 1e-6
    assert (t.high + t.lag) * ns >= part.lag
    # SDO is taken two clocks before the end of the high phase.
    assert (t.low + t.high - 2) * ns >= part.delay
    assert t.update > 16 * (t.bits - 1) * (t.low + t.high) + PROBE


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_832_heaters_are_52_chips():
    dut = DacChains(832, 16, 250.0, devices=4)
    assert (dut.chains, dut.timing.bits) == (13, 128)
    assert dut.timing.update_us == pytest.approx(99, abs=1)
    single = DacChains(832, 16, 250.0, devices=1)
    assert (single.chains, round(single.timing.update_us)) == (52, 23)
    del dut, single
    gc.collect()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_bad_parameters_are_refused():
    for arguments, options, message in [
        ((0, 16, 250.0), {}, "cells = 0; allowed: an integer from 1 to 4096"),
        ((20, 17, 250.0), {}, "dac_bits = 17; allowed: an integer from 1 to 16"),
        ((20, 16, -1), {}, "clock_mhz = -1; allowed: above 0, at most 10000"),
        ((20, 16, 250.0), {"devices": 17}, "devices = 17; allowed: an integer from 1 to 16"),
    ]:
        with pytest.raises(ValueError, match=message):
            DacChains(*arguments, **options)
    gc.collect()
