"""What a link run tells the supernode evaluation and the reports."""

from __future__ import annotations

from typing import Literal

from lightloom.spec.base import Frozen


class LinkFigures(Frozen):
    """Measured figures of one complete link, per direction unless said otherwise."""

    schema_version: Literal[1] = 1
    design: str
    lanes: int
    lane_rate_gbps: float
    payload_rate_gbps: float
    """All lanes, after line code overhead."""
    pre_fec_ber: float | None
    """None when no bits were counted."""
    pre_fec_ber_low: float
    pre_fec_ber_high: float
    """Clopper-Pearson interval at 95 %; 0 to 1 when no bits were counted."""
    post_fec_ber: float | None
    latency_ns: float
    latency_budget_ns: dict[str, float]
    lock_time_us: float
    reconfiguration_us: float | None
    energy_pj_per_bit: dict[str, float]
    """Component name to energy; their sum is the link's energy."""
