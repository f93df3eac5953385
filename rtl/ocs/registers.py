"""Registers of the controller of a switch chip, and those that are members of its lock."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lightloom.rtl.csr import rdl
from lightloom.rtl.ocs.route import TOPOLOGIES
from lightloom.spec import fabrics

__all__ = [
    "ADDR_WIDTH",
    "COMMIT_STATUS",
    "DRIVE_FIELDS",
    "DRIVE_STATUS",
    "LOCK_FIELDS",
    "LOCK_STATUS",
    "MONITORS",
    "PROTECT_FIELDS",
    "PROTECT_STATE",
    "TRIM",
    "registers",
]

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
PROTECT_FIELDS = {
    "enable": "protect.enable",
    "flap_count": "protect.flap_count",
    "hold_off": "protect_hold_off.value",
    "alone": "protect_alone.value",
    "restore": "protect_restore.value",
    "flap_window": "protect_flap_window.value",
    "select_group": "protect_select.group",
    "select_place": "protect_select.place",
    "clear": "protect_clear.selected",
    "clear_all": "protect_clear.every",
}
"""Inputs of `Protection` that software sets."""
PROTECT_STATE = {
    "protect_state": (
        "pending",
        "active",
        "over",
        "stranded",
        "disagree",
        "flapping",
        "way_done",
        "unproved",
        "blocked",
        "cause",
    ),
    "protect_counts": ("switches", "losses"),
    "protect_faults": ("refusals", "disagreements"),
}
"""What is shown of the state of a group."""
DRIVE_FIELDS = {
    "budget": "budget.value",
    "overdrive_factor": "overdrive.factor",
    "overdrive_ticks": "overdrive.ticks",
    "thermal_step": "thermal.step",
    "thermal_inverse": "thermal.inverse",
    "tick_clocks": "tick_cycles.value",
    "settle_clocks": "settle_cycles.value",
    "watchdog_clocks": "watchdog_cycles.value",
    "watchdog_kick": "control.kick",
    "watchdog_release": "control.release",
}
"""Inputs of `Drive` that software sets."""
DRIVE_STATUS = {
    "status.watchdog": "watchdog_expired",
    "status.over_budget": "over_budget",
    "status.settled": "settled",
    "drive_power.value": "power",
}
"""Outputs of `Drive` that software reads."""
COMMIT_STATUS = {
    "status.busy": "busy",
    "status.done": "done",
    "status.parked": "parked",
    "status.rearranged": "rearranged",
    "status.reversible": "reversible",
    "route_cycles.value": "elapsed",
    "change.moved": "moved",
    "change.disturbed": "disturbed",
}
"""Outputs of `Commit` that software reads."""
MONITORS = range(0x100, 0x200)
"""Addresses of registers that need taps and detectors."""
_ALONE_US = 100.0
_RESTORE_US = 10e3
_FLAP_US = 1e6
"""Times of the protection after reset, own choices: above a change of the map, far above, slow."""


def registers(
    ports: int,
    dac_bits: int,
    clock_mhz: float,
    *,
    topology: str = "benes",
    settle_us: float = 60.0,
    neighbours: int = 8,
    monitors: bool = False,
    groups: int | None = None,
) -> rdl.Description:
    """Register description of a controller; parameters as of `Controller`."""
    cells = len(fabrics.plan(topology, ports).cells)

    def cycles(time_us: float) -> int:
        return min(round(time_us * clock_mhz), 2**32 - 1)

    whole = rdl.load(
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
            "GROUPS": (groups or ports // 2) if monitors else 0,
            "SETTLE_CYCLES": cycles(settle_us),
            "ALONE_CYCLES": cycles(_ALONE_US),
            "RESTORE_CYCLES": cycles(_RESTORE_US),
            "FLAP_CYCLES": cycles(_FLAP_US),
        },
    )
    if monitors:
        return whole
    return replace(whole, registers=tuple(r for r in whole.registers if r.address not in MONITORS))
