"""Registers of the controller of the switch in a transceiver."""

from __future__ import annotations

from pathlib import Path

from lightloom.rtl.csr import rdl
from lightloom.rtl.ocs.light import DEBOUNCE_BITS

__all__ = ["ADDR_WIDTH", "CELLS_PER_LANE", "registers"]

ADDR_WIDTH = 12
CELLS_PER_LANE = 4
"""To a fibre or the loopback, to the backup or primary output, from either input, from a fibre or
the loopback."""
_TEXT = Path(__file__).with_name("ocstrx.rdl")
_TIMES_US = {
    "DOWN": 1.0,
    "UP": 10.0,
    "HOLD_OFF": 500.0,
    "RESTORE": 1e5,
    "FLAP_WINDOW": 1e6,
    "PAUSE": 2.0,
    "SETTLE_LIMIT": 500.0,
    "RELOCK_LIMIT": 200.0,
    "FRAME_LIMIT": 1000.0,
    "SAVE_INTERVAL": 1000.0,
    "ANSWER_LIMIT": 50.0,
    "LEAD": 5.0,
}
"""Reset values of the times; all are choices of this design, and registers."""


def registers(
    lanes: int, dac_bits: int, clock_mhz: float, *, settle_us: float = 60.0
) -> rdl.Description:
    """Register description of a controller; parameters as of `OcstrxController`."""
    most = {"DOWN": 2**DEBOUNCE_BITS - 1, "UP": 2**DEBOUNCE_BITS - 1}
    times = {
        name: min(round(us * clock_mhz), most.get(name, 2**32 - 1))
        for name, us in (_TIMES_US | {"SETTLE": settle_us}).items()
    }
    sizes = {"LANES": lanes, "CELLS": CELLS_PER_LANE * lanes, "DAC_BITS": dac_bits}
    votes = {"VOTES": max(1, lanes // 2)}
    return rdl.load(_TEXT, "ocstrx_controller", {**sizes, **votes, **times})
