"""Registers of the controller of a switch chip, and those that are members of its lock."""

from __future__ import annotations

from pathlib import Path

from lightloom.rtl.csr import rdl
from lightloom.rtl.ocs.route import TOPOLOGIES
from lightloom.spec import fabrics

__all__ = ["ADDR_WIDTH", "LOCK_FIELDS", "LOCK_STATUS", "TRIM", "registers"]

ADDR_WIDTH = 16
TRIM = 6
"""`table_address.item` of the trim of a cell in its present state."""
_TEXT = Path(__file__).with_name("ocs.rdl")
LOCK_FIELDS = {
    "enable": "lock.enable",
    "clear": "lock_control.clear",
    "amplitude": "lock.amplitude",
    "wait": "lock_wait.value",
    "groups": "lock.groups",
    "repeats": "lock.repeats",
    "guard": "lock_probe.guard",
    "patience": "lock_probe.patience",
    "gain": "lock.gain",
    "step": "lock_limits.step",
    "limit": "lock_limits.limit",
    "floor": "lock_floor.value",
    "tolerance": "lock_tolerance.value",
    "sweep_start": "lock_control.sweep_start",
    "sweep_stop": "lock_control.sweep_stop",
    "sweep_cell": "sweep.cell",
    "sweep_source": "sweep.source",
    "sweep_tap": "sweep.tap",
    "sweep_first": "sweep_powers.first",
    "sweep_step": "sweep_powers.step",
    "sweep_count": "sweep_count.value",
    "sweep_threshold": "sweep_threshold.value",
}
"""Inputs of `Locks` that software sets."""
LOCK_STATUS = {
    "lock_status.locked": "locked",
    "lock_status.sweep_busy": "sweep_busy",
    "lock_status.sweep_silent": "sweep_silent",
    "lock_status.below": "sweep_below",
    "lock_status.edge": "sweep_edge",
    "lock_status.parts": "sweep_parts",
    "sweep_low.value": "sweep_low",
    "sweep_high.value": "sweep_high",
    "sweep_extremes.low_at": "sweep_low_at",
    "sweep_extremes.high_at": "sweep_high_at",
    "sweep_below.first": "sweep_below_first",
    "sweep_below.last": "sweep_below_last",
}
"""Outputs of `Locks` that software reads."""


def registers(
    ports: int,
    dac_bits: int,
    clock_mhz: float,
    *,
    topology: str = "benes",
    settle_us: float = 60.0,
    neighbours: int = 8,
    monitors: bool = False,
) -> rdl.Description:
    """Register description of a controller; parameters as of `Controller`."""
    cells = len(fabrics.plan(topology, ports).cells)
    return rdl.load(
        _TEXT,
        "ocs_controller",
        {
            "PORTS": ports,
            "CELLS": cells,
            "STATE_WORDS": -(-cells // 32),
            "DAC_BITS": dac_bits,
            "TOPOLOGY": TOPOLOGIES.index(topology),
            "NEIGHBOURS": neighbours,
            "MONITORS": int(monitors),
            "LIGHT_WORDS": -(-ports // 32),
            "SETTLE_CYCLES": round(settle_us * clock_mhz),
        },
    )
