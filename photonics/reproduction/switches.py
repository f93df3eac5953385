"""Predicted figures of a switch: drawn by the generators, computed by the column solver.

The chip is as drawn: no fabrication errors, every cell at half a turn (bar) or none (cross), no
heat from neighbours. What real chips lose to those is not in the prediction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lightloom.photonics.circuit import scatter, solver
from lightloom.photonics.circuit.elements import Program
from lightloom.photonics.devices import Numbers
from lightloom.photonics.reproduction.published import Chip, Quantity
from lightloom.spec import fabrics
from lightloom.spec.design import Switch
from lightloom.spec.fabrics import BAR, CROSS, Plan

SEED = 1
PERMUTATIONS = 24
"""Random ones beside the identity and the reverse."""
BAND_POINTS = 41
"""Wavelengths of a figure over a band."""
FLOOR = 1e-12
"""Power below which light counts as none."""

Lights = NDArray[np.float64]
"""Power transfers `[..., output, input]`."""


@dataclass(frozen=True)
class Traffic:
    """Cell states, and what they join: output position of each lit input position."""

    states: tuple[int, ...]
    routes: Mapping[int, int]


class SwitchModel:
    """A drawn switch with the device numbers of a publication."""

    def __init__(self, chip: Chip, numbers: Numbers | None = None) -> None:
        """Draw the chip; `numbers` are the publication's and the defaults when absent."""
        from lightloom.photonics.switch.fabric import switch_chip  # brings gdsfactory

        design = chip.made()
        self.switch: Switch = design.switch
        self.numbers: Numbers = numbers or chip.with_own()
        self.carrier_nm = design.engine.wavelength_nm
        self.made = switch_chip(design.switch, design.technology)
        self.plan: Plan = self.made.plan

    @cached_property
    def program(self) -> Program:
        """The optical program from every input to every output, phase shifters in cell order."""
        return solver.compile(
            self.made.netlist,
            scatter.models(self.numbers),
            list(self.plan.inputs),
            list(self.plan.outputs),
            [site.device for site in self.made.heaters],
        )

    def phases(self, traffic: Sequence[Traffic]) -> NDArray[np.float64]:
        """Return the phase of every phase shifter, `[traffic, shifter]`; twins are never driven."""
        found = np.zeros((len(traffic), len(self.program.heaters)))
        cells = len(self.plan.cells)
        found[:, :cells] = math.pi * (np.array([one.states for one in traffic]) == BAR)
        return found

    def power(self, traffic: Sequence[Traffic]) -> Lights:
        """Return power transfers `[traffic, output, input]` at the carrier, fibre to fibre."""
        phases = self.phases(traffic)
        frequency = scatter.frequency_hz(self.carrier_nm)
        s = solver.evaluate_states(self.program, phases, frequency, frequency)
        return np.abs(s) ** 2

    def power_over(self, traffic: Traffic, band_nm: float) -> Lights:
        """Return power transfers `[wavelength, output, input]` over a band about the carrier."""
        phases = self.phases([traffic])[0]
        ends = self.carrier_nm - band_nm / 2, self.carrier_nm + band_nm / 2
        nm = np.linspace(*ends, BAND_POINTS).tolist()
        frequencies = np.array([scatter.frequency_hz(one) for one in nm])
        carrier = scatter.frequency_hz(self.carrier_nm)
        return np.abs(solver.evaluate(self.program, phases, frequencies, carrier)) ** 2

    def traffic(self, states: Sequence[int]) -> Traffic:
        """Follow the light of each input through the plan."""
        inputs, outputs = list(self.plan.inputs), list(self.plan.outputs)
        ways = fabrics.ways(self.plan, states)
        return Traffic(
            tuple(states),
            {inputs.index(name): outputs.index(way.output) for name, way in ways.items()},
        )

    def usual(self) -> list[Traffic]:
        """Traffic that averages and worst cases are taken over."""
        topology, ports = self.switch.topology, self.switch.ports
        if topology == "ocstrx":
            paths: tuple[fabrics.Path, ...] = ("primary", "backup", "loopback")
            return [self.traffic(fabrics.route_path(ports, path)) for path in paths]
        rng = np.random.default_rng(SEED)
        wanted = [list(range(ports)), list(range(ports))[::-1]]
        wanted += [rng.permutation(ports).tolist() for _ in range(PERMUTATIONS)]
        return [self.traffic(fabrics.route(topology, ports, one)) for one in wanted]

    def facet_db(self) -> float:
        """Loss of one fibre coupling."""
        if self.switch.coupler == "edge":
            return self.numbers.edge_coupler.loss_db
        return self.numbers.grating_coupler.loss_db

    def drive_mw(self, traffic: Traffic) -> float:
        """Power of the phase shifters at half a turn."""
        kind = self.switch.phase_shifter
        each = self.numbers.pin.p_pi_mw if kind == "pin" else self.numbers.heater_p_pi_mw(
            kind == "undercut"
        )  # fmt: skip
        return each * traffic.states.count(BAR)

    def rise_us(self) -> float:
        """10-90 % rise of the light behind one cell.

        Its phase relaxes exponentially, its light goes with the square of half the phase's sine.
        """
        kind = self.switch.phase_shifter
        tau = self.numbers.pin.tau_us if kind == "pin" else self.numbers.heater_tau_us(
            kind == "undercut"
        )  # fmt: skip
        low, high = (2 * math.asin(math.sqrt(part)) / math.pi for part in (0.1, 0.9))
        return tau * math.log((1 - low) / (1 - high))


def losses_db(traffic: Sequence[Traffic], power: Lights) -> NDArray[np.float64]:
    """Loss of every route of every traffic."""
    found = [
        power[n, target, source]
        for n, one in enumerate(traffic)
        for source, target in one.routes.items()
    ]
    return -10 * np.log10(np.maximum(found, FLOOR))


def crosstalk_db(traffic: Traffic, power: Lights) -> float:
    """Strongest foreign light over the routed light at any output, all routed inputs lit alike.

    `power` is `[..., output, input]`; the worst of all its leading indices is returned.
    """
    sources = {target: source for source, target in traffic.routes.items()}
    worst = FLOOR
    for target, source in sources.items():
        own = np.maximum(power[..., target, source], FLOOR)
        for other in traffic.routes:
            if other != source:
                worst = max(worst, float((power[..., target, other] / own).max()))
    return 10 * math.log10(worst)


LOSSY: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "waveguides": {"guide": {"loss_db_per_cm": 0.0}},
    "couplers of the cells": {"coupler": {"excess_loss_db": 0.0}},
    "crossings": {"crossing": {"loss_db": 0.0}},
    "phase shifters": {"heater": {"loss_db": 0.0}, "pin": {"loss_db": 0.0}},
    "carriers in driven ones": {"pin": {"absorption_cm2": (0.0, 0.0)}},
}
"""Device numbers that make each kind of part lossless."""
BUDGETED = 4
"""Permutations that a loss budget is the mean of."""


def budget_db(chip: Chip) -> dict[str, float]:
    """Return what each kind of part takes of the light, on chip: the loss that goes without it."""

    def loss(numbers: Numbers) -> float:
        model = SwitchModel(chip, numbers)
        some = model.usual()[:BUDGETED]
        return float(losses_db(some, model.power(some)).mean())

    whole = chip.with_own()
    total = loss(whole)
    found: dict[str, float] = {}
    for text, parts in LOSSY.items():
        changed = {
            part: getattr(whole, part).model_copy(update=dict(values))
            for part, values in parts.items()
        }
        found[text] = total - loss(whole.model_copy(update=changed))
    return {text: db for text, db in found.items() if db > 0.005}


def predict(chip: Chip) -> dict[Quantity, float]:
    """Return every figure that the models give for a published switch."""
    model = SwitchModel(chip)
    usual = model.usual()
    power = model.power(usual)
    both = 2 * model.facet_db()
    loss = losses_db(usual, power) - both
    drive = [model.drive_mw(one) for one in usual]
    found: dict[Quantity, float] = {
        "cells": float(len(model.plan.cells)),
        "crossings": float(model.plan.crossings),
        "loss_mean_db": float(loss.mean()),
        "loss_least_db": float(loss.min()),
        "loss_spread_db": float(np.ptp(loss)),
        "loss_fibre_db": float(loss.mean() + both),
        "crosstalk_db": max(
            crosstalk_db(one, power[n]) for n, one in enumerate(usual) if len(one.routes) > 1
        ),
        "power_mean_mw": float(np.mean(drive)),
        "power_most_mw": max(drive),
        "time_us": model.rise_us(),
        "width_mm": model.made.size_um[0] / 1e3,
        "height_mm": model.made.size_um[1] / 1e3,
        "area_mm2": math.prod(model.made.size_um) / 1e6,
    }
    if any(figure.quantity in ("loss_cross_db", "loss_bar_db") for figure in chip.figures):
        states: tuple[tuple[Quantity, int], ...] = (("loss_cross_db", CROSS), ("loss_bar_db", BAR))
        for key, state in states:
            one = model.traffic([state] * len(model.plan.cells))
            found[key] = float(losses_db([one], model.power([one])).mean() - both)
    bands: tuple[tuple[Quantity, float], ...] = (
        ("crosstalk_30nm_db", 30.0),
        ("crosstalk_80nm_db", 80.0),
    )
    for key, band in bands:
        if any(figure.quantity == key for figure in chip.figures):
            found[key] = max(crosstalk_db(one, model.power_over(one, band)) for one in usual[:4])
    return found
