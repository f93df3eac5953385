"""Figures of a link run: from what the bench measured to metrics and `LinkFigures`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lightloom.cosim import prediction
from lightloom.cosim.coefficients import passages
from lightloom.cosim.equalizer import Equalizer
from lightloom.cosim.setup import Outcome, Side
from lightloom.cosim.statistics import clopper_pearson
from lightloom.flows import fec_figures
from lightloom.flows.runs import Metric
from lightloom.spec import Design, LinkFigures, OpticalModel, RtlManifest
from lightloom.spec.optical_model import EngineLane


@dataclass(frozen=True)
class Errors:
    """Counted bit errors with their interval at 95 %."""

    bits: int
    errors: int
    low: float
    high: float

    @property
    def ratio(self) -> float | None:
        """Errors over bits; None when nothing was counted."""
        return self.errors / self.bits if self.bits else None

    def text(self) -> str:
        """In words, with the interval; no errors are an upper bound."""
        if not self.bits:
            return "not measured"
        if not self.errors:
            return f"zero errors in {self.bits:.3g} bits: below {self.high:.1e}"
        return f"{self.errors / self.bits:.2e} ({self.low:.2e} to {self.high:.2e})"


def errors(*sides: Side) -> Errors:
    """Errors of all locked lanes of `sides` together."""
    lanes = [lane for side in sides for lane in side.errors if lane.locked and lane.bits]
    bits, wrong = sum(lane.bits for lane in lanes), sum(lane.errors for lane in lanes)
    # One wrong bit is counted once, but a saturated or slipped checker could pass its own bits.
    low, high = clopper_pearson(min(wrong, bits), bits) if bits else (0.0, 1.0)
    return Errors(bits, wrong, low, high)


@dataclass(frozen=True)
class Delay:
    """One part of the latency budget."""

    name: str
    ns: float
    cycles: int | None = None
    kind: Literal["rtl", "electrical", "flight"] = "rtl"


def latency(design: Design, model: OpticalModel, serdes: RtlManifest) -> tuple[Delay, ...]:
    """First word in to first word out, by stage, for the slowest lane of the A to B direction."""
    clock_ns = design.serdes.symbols_per_clock / design.serdes.baud_gbd
    rtl = [Delay(name, cycles * clock_ns, cycles) for name, cycles in serdes.latency_cycles.items()]
    first = next((n for n, part in enumerate(rtl) if part.name.startswith("rx")), len(rtl))
    transmit, receive = rtl[:first], rtl[first:]
    engines = {lane.lane: lane for lane in model.engine}
    routes = {route.input: route for route in model.routes}
    ways = passages(design, model) if design.ring else ()

    def optics(lane: int) -> list[Delay]:
        route = None if ways else routes.get(lane)
        far: EngineLane = engines[route.output if route else lane]
        switch_ps = sum(ways[lane].delay_ps) if ways else route.group_delay_ps if route else 0.0
        return [
            Delay("engine out", engines[lane].transmit_delay_ps * 1e-3, kind="flight"),
            Delay("switch", switch_ps * 1e-3, kind="flight"),
            Delay("engine in", far.receive_delay_ps * 1e-3, kind="flight"),
        ]

    slowest = max(range(design.serdes.lanes), key=lambda n: sum(d.ns for d in optics(n)))
    out, switch, into = optics(slowest)
    fibre = design.fibre.length_m * design.fibre.delay_us_per_km
    package = design.package.delay_ps * 1e-3
    middle = [
        Delay("package", package, kind="electrical"),
        out,
        Delay("fibre", fibre, kind="flight"),
        # of two transceivers together, on either side of the fibre
        *([switch] if model.fabric else []),
        into,
        Delay("package", package, kind="electrical"),
        # The sampler hands a word over when its last symbol has arrived.
        Delay("deserializer", clock_ns, kind="electrical"),
    ]
    return (*transmit, *middle, *receive)


def energy(design: Design, model: OpticalModel, heater_mw: float) -> dict[str, float]:
    """Energy of each component in pJ for each line bit of one direction.

    Lasers and electronics serve one lane and direction; the heaters, of all chips together, serve
    both directions of every lane.
    """
    lane_gbps = design.serdes.lane_gbps
    engine = design.engine
    optical_mw = 10 ** (engine.laser_power_dbm / 10)
    lost_db = sum(lane.laser_to_modulator_db for lane in model.engine) / len(model.engine)
    laser_mw = optical_mw * 10 ** (lost_db / 10) / (engine.laser_wall_plug_percent / 100)
    found = {
        "transmitter electronics": design.serdes.energy_tx_pj_per_bit,
        "laser": laser_mw / lane_gbps,
        "receiver electronics": design.serdes.energy_rx_pj_per_bit,
    }
    if model.fabric is not None:
        found["switch heaters"] = heater_mw / (2 * design.serdes.lanes * lane_gbps)
    return found


def heater_power_mw(model: OpticalModel, codes: tuple[int, ...], chips: int = 1) -> float:
    """Electrical power of all heaters at these DAC codes."""
    fabric = model.fabric
    if fabric is None:
        return 0.0
    top = (1 << fabric.dac_bits) - 1
    return chips * sum(fabric.dac_full_scale_mw * (code / top) ** 2 for code in codes)


def reconfiguration_us(outcome: Outcome) -> float | None:
    """Commit until every route stays within 1 dB of its final loss.

    Of transceivers' own switches: from the darkness of a cut fibre to the link up again.
    """
    if outcome.failover is not None:
        return failover_us(outcome, "command", "settle", "load", "relock")
    switching = outcome.switching
    if switching is None or switching.refused:
        return None
    final = switching.loss_db[-1]
    settled = switching.time_us[-1]
    for at, losses in zip(reversed(switching.time_us), reversed(switching.loss_db), strict=True):
        if any(abs(a - b) > 1.0 for a, b in zip(losses, final, strict=True)):
            break
        settled = at
    return settled - switching.commit_us


def failover_us(outcome: Outcome, *parts: str) -> float | None:
    """Time of parts of the failover, at the end where it is longer; None without one."""
    made = outcome.failover
    if made is None or made.failed is not None:
        return None
    return max(sum(side.split_us[part] for part in parts) for side in made.sides)


def failover_metrics(outcome: Outcome) -> dict[str, Metric]:
    """Figures of a cut fibre; none where the design asks for no cut."""
    made = outcome.failover
    if made is None:
        return {}
    outages = [side.outage_us for side in made.sides if side.outage_us is not None]
    times = {
        "detect": ("command",),
        "settle": ("settle",),
        "relock": ("load", "relock"),
        "first_frame": ("frame",),
        "total": ("total",),
    }
    return {
        **{f"ocs.failover.{n}_us": failover_us(outcome, *parts) for n, parts in times.items()},
        "ocs.failover.outage_us": max(outages) if len(outages) == 2 else None,
        "ocs.failover.frames_sent": sum(side.frames_sent for side in made.sides),
        "ocs.failover.frames_lost": sum(side.frames_lost for side in made.sides),
        "ocs.failover.frames_errored": sum(side.frames_errored for side in made.sides),
        "ocs.failover.frames_duplicated": sum(side.frames_duplicated for side in made.sides),
        "ocs.failover.frames_reordered": sum(side.frames_reordered for side in made.sides),
        "ocs.failover.bytes_wrong": sum(side.bytes_wrong for side in made.sides),
    }


def payload_errors(outcome: Outcome, payload_bytes: int) -> int:
    """Wrong or missing bytes of both directions; a file that never started is missing whole."""
    return sum(
        payload_bytes if side.byte_errors is None else side.byte_errors for side in outcome.sides
    )


def equalizers(design: Design, outcome: Outcome) -> dict[tuple[int, int], Equalizer] | None:
    """Receivers of PAM4 lanes as they were at the end, by direction and lane; None for NRZ."""
    if design.serdes.modulation != "pam4":
        return None
    return {
        (1 - side, lane.lane): prediction.equalizer(design, lane.taps, lane.dfe, lane.levels)
        for side, measured in enumerate(outcome.sides)
        for lane in measured.lanes
    }


def wrong_bytes(outcome: Outcome) -> int:
    """Bytes that were delivered as good, in either direction, and are not those sent."""
    return sum(side.bytes_wrong or 0 for side in outcome.sides)


def metrics(
    design: Design,
    outcome: Outcome,
    *,
    payload_bytes: int,
    energies: Mapping[str, float],
    eye_height_mv: float,
    eye_width_ui: float,
    build_s: float,
    drc: int,
    lvs: int,
) -> dict[str, Metric]:
    """Every key that `metrics.json` of a link must hold, and a few more."""
    found = errors(*outcome.sides)
    latencies = [side.latency_ns_max for side in outcome.sides if side.latency_ns_max is not None]
    locks = [side.lock_time_us for side in outcome.sides if side.lock_time_us is not None]
    return {
        "link.up": outcome.up,
        "link.payload_bytes": payload_bytes,
        "link.payload_errors": payload_errors(outcome, payload_bytes),
        "link.wrong_bytes": wrong_bytes(outcome),
        "link.bits_simulated": outcome.line_bits,
        "link.pre_fec_ber": found.ratio,
        "link.pre_fec_ber_low": found.low if found.bits else None,
        "link.pre_fec_ber_high": found.high if found.bits else None,
        **fec_figures.metrics(fec_figures.codewords(design, *outcome.sides), found.ratio),
        "link.latency_ns": max(latencies) if latencies else None,
        "link.lock_time_us": max(locks) if len(locks) == len(outcome.sides) else None,
        "link.energy_pj_per_bit": sum(energies.values()),
        "link.bits_checked": found.bits,
        "link.bit_errors": found.errors,
        "eye.height_mv": eye_height_mv,
        "eye.width_ui": eye_width_ui,
        "ocs.reconfiguration_us": reconfiguration_us(outcome),
        **failover_metrics(outcome),
        "cosim.bits_per_s": outcome.line_bits / outcome.cpu_s,
        "cosim.cpu_s": outcome.cpu_s,
        "cosim.build_s": build_s,
        "layout.drc_violations": drc,
        "layout.lvs_mismatches": lvs,
    }


def link_figures(
    design: Design, outcome: Outcome, budget: tuple[Delay, ...], energies: Mapping[str, float]
) -> LinkFigures | None:
    """The value that the supernode evaluation reads; None for a link that did not come up."""
    found = errors(*outcome.sides)
    latencies = [side.latency_ns_max for side in outcome.sides if side.latency_ns_max is not None]
    locks = [side.lock_time_us for side in outcome.sides if side.lock_time_us is not None]
    if not outcome.up or not latencies or len(locks) < len(outcome.sides):
        return None
    stages: dict[str, float] = {}
    for part in budget:
        stages[part.name] = stages.get(part.name, 0.0) + part.ns
    serdes = design.serdes
    fec = fec_figures.metrics(fec_figures.codewords(design, *outcome.sides), found.ratio)
    post_fec = fec["link.post_fec_ber"]
    return LinkFigures(
        design=design.name,
        lanes=design.serdes.lanes,
        lane_rate_gbps=serdes.lane_gbps,
        payload_rate_gbps=serdes.lanes
        * serdes.lane_gbps
        * serdes.code_rate
        * (1 - 1 / serdes.marker_rows),
        pre_fec_ber=found.ratio,
        pre_fec_ber_low=found.low,
        pre_fec_ber_high=found.high,
        post_fec_ber=float(post_fec) if post_fec is not None else None,
        latency_ns=max(latencies),
        latency_budget_ns=stages,
        lock_time_us=max(locks),
        reconfiguration_us=reconfiguration_us(outcome),
        energy_pj_per_bit=dict(energies),
    )
