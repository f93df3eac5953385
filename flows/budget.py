"""The optical power budget of a design, stage by stage, from its extracted optical model."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lightloom.cosim.coefficients import passages
from lightloom.flows.report_data import Link, Place, Stage
from lightloom.spec import Design, OpticalModel
from lightloom.spec.optical_model import Eam, Mzm, Ring


def bias_loss_db(modulator: Ring | Mzm | Eam) -> float:
    """Mean loss of the modulator's bias point, without its insertion loss."""
    if modulator.kind == "mzm":
        floor = 10 ** (-modulator.er_limit_db / 10)
        transmission = floor + (1 - floor) / 2
    elif modulator.kind == "ring":
        offset = 2 * modulator.detuning_pm / modulator.fwhm_pm
        transmission = 1 - modulator.depth / (1 + offset**2)
    else:
        transmission = 10 ** (-modulator.slope_db_per_v * modulator.bias_v / 10)
    return -10 * math.log10(max(transmission, 1e-12))


def stages(design: Design, model: OpticalModel) -> tuple[Stage, ...]:
    """Stages of the A to B path; a lane's losses are those of the route it takes.

    Levels start from the laser power at the modulator input, as the design gives it.
    """
    lanes = range(design.serdes.lanes)
    fibre, switch = design.fibre, design.switch
    ways = passages(design, model) if design.ring else ()
    has_switch = model.fabric is not None and not ways
    routes = {route.input: route for route in model.routes}
    engines = {lane.lane: lane for lane in model.engine}
    far = [routes[lane].output if has_switch else lane for lane in lanes]
    package = design.package
    touchstone = package.touchstone is not None

    def trace(place: Place) -> Stage:
        return Stage(
            "package trace, Nyquist",
            place,
            None if touchstone else package.loss_db,
            source="touchstone" if touchstone else "design",
        )

    levels = [design.engine.laser_power_dbm] * len(lanes)
    found = [trace("package_a")]

    def add(name: str, place: Place, losses: Sequence[float], source: str) -> None:
        for lane, loss in enumerate(losses):
            levels[lane] -= loss
        mean = 10 * math.log10(sum(10 ** (x / 10) for x in levels) / len(levels))
        loss = sum(losses) / len(losses)
        found.append(Stage(name, place, loss, mean, min(levels), max(levels), source))

    def same(loss: float) -> list[float]:
        return [loss] * len(levels)

    start = design.engine.laser_power_dbm
    found.append(Stage("laser at modulator", "engine_a", None, start, start, start, "design"))
    kind = model.modulator.kind
    name = {"mzm": "MZM", "ring": "ring", "eam": "EAM"}[kind]
    insertion, bias = model.modulator.insertion_loss_db, bias_loss_db(model.modulator)
    add(f"{name} insertion", "engine_a", same(insertion), "design")
    add(f"{name} bias point", "engine_a", same(bias), "design")
    add(
        "waveguide, edge coupler",
        "engine_a",
        [engines[lane].modulator_to_fibre_db for lane in lanes],
        "layout",
    )
    path = f"switch, {switch.path}"
    if ways:
        add(path, "engine_a", [way.loss_db[0] for way in ways], "layout")
    half_fibre = fibre.length_m / 2000 * fibre.loss_db_per_km
    half_connectors = fibre.connectors / 2 * fibre.connector_loss_db
    add("connectors", "fibre_a", same(half_connectors), "design")
    add("fibre", "fibre_a", same(half_fibre), "design")
    if has_switch:
        add("circulator", "switch", same(switch.circulator_loss_db), "design")
        add("switch chip", "switch", [routes[lane].loss_db for lane in lanes], "layout")
        add("circulator", "switch", same(switch.circulator_loss_db), "design")
    add("fibre", "fibre_b", same(half_fibre), "design")
    add("connectors", "fibre_b", same(half_connectors), "design")
    if ways:
        add(path, "engine_b", [way.loss_db[1] for way in ways], "layout")
    add(
        "edge coupler, waveguide",
        "engine_b",
        [engines[port].fibre_to_detector_db for port in far],
        "layout",
    )
    found.append(trace("package_b"))
    return tuple(found)


def link(design: Design, model: OpticalModel) -> Link:
    """What the drawing of the link says in words."""
    nyquist = design.serdes.baud_gbd / 2
    package = design.package
    switch = design.switch
    if model.fabric is None:
        switch_name, permutation = "", None
    elif switch.topology == "ocstrx":
        switch_name, permutation = "switches in the transceivers", None
    else:
        size = f"{switch.ports} \N{MULTIPLICATION SIGN} {switch.ports}"
        switch_name, permutation = f"{size} {switch.topology.capitalize()}", model.permutation
    return Link(
        lanes=design.serdes.lanes,
        lane_rate_gbps=design.serdes.lane_gbps,
        modulator={"mzm": "MZM", "ring": "ring", "eam": "EAM"}[model.modulator.kind],
        wavelength_nm=model.wavelength_nm,
        length_m=design.fibre.length_m,
        permutation=permutation,
        switch_name=switch_name,
        package_note="S-parameter file"
        if package.touchstone
        else f"{package.loss_db:g} dB at {nyquist:g} GHz",
    )
