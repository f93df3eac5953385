"""A small optical model with everything in it, written by hand for the tests of this room.

Test files do not import each other; they get these functions through the fixture `synthetic`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from lightloom.spec import Design, OpticalModel, benes
from lightloom.spec.design import Switch
from lightloom.spec.optical_model import (
    Couple,
    Detector,
    Eam,
    EngineLane,
    Fabric,
    Heater,
    HeaterOp,
    Mzm,
    PathOp,
    Ring,
    Route,
)

P_PI_MW = 25.0
FULL_SCALE_MW = 40.0


def fabric(ports: int, *, split: float = 0.5, loss_db: float = 0.3, dac_bits: int = 10) -> Fabric:
    """Benes fabric of MZI cells; `split` is the power coupling of each coupler, 0.5 is ideal.

    A cell with equal arms is in cross, with half a wave between them in bar.
    """
    through, across = math.sqrt(1 - split), math.sqrt(split)
    coupler = ((through, 0.0), (0.0, -across), (0.0, -across), (through, 0.0))
    swap = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.0), (0.0, 0.0))
    amplitude = 10 ** (-loss_db / 20)
    ops: list[Couple | PathOp | HeaterOp] = []
    heaters = []
    for stage in range(benes.stages(ports)):
        for row in range(ports // 2):
            a, b = 2 * row, 2 * row + 1
            name = f"s{stage}r{row}"
            ops.append(Couple(a=a, b=b, s=coupler, device=f"{name}.in"))
            ops.append(HeaterOp(a=a, heater=len(heaters), device=f"{name}.heater"))
            ops.append(Couple(a=a, b=b, s=coupler, device=f"{name}.out"))
            for line in (a, b):
                angle = 0.37 * (line + 1) + 0.11 * stage
                t = (amplitude * math.cos(angle), -amplitude * math.sin(angle))
                ops.append(PathOp(a=line, t=t, delay_ps=2.0, device=f"{name}.wire{line}"))
            heaters.append(
                Heater(
                    name=f"h{stage}_{row}",
                    stage=stage,
                    row=row,
                    p_pi_mw=P_PI_MW + row,
                    tau_us=5.0 + 0.5 * stage,
                    resistance_ohm=500.0,
                    x_um=0.0,
                    y_um=0.0,
                )
            )
        if stage < benes.stages(ports) - 1:
            lines = list(benes.wiring(ports, stage))  # lines[i]: where what is on line i belongs
            for place in range(ports):
                while lines[place] != place:
                    other = lines[place]
                    ops.append(Couple(a=place, b=other, s=swap, device="crossing"))
                    lines[place], lines[other] = lines[other], lines[place]
    count = len(heaters)
    return Fabric(
        ports=ports,
        lines=ports,
        inputs=tuple(f"in{i}" for i in range(ports)),
        outputs=tuple(f"out{i}" for i in range(ports)),
        ops=tuple(ops),
        heaters=tuple(heaters),
        thermal_crosstalk=tuple(
            tuple(1.0 if i == j else 0.004 / (1 + abs(i - j)) for j in range(count))
            for i in range(count)
        ),
        dac_bits=dac_bits,
        dac_full_scale_mw=FULL_SCALE_MW,
    )


def optical_model(
    design: Design,
    *,
    modulator: Mzm | Ring | Eam | None = None,
    split: float = 0.5,
    permutation: Sequence[int] | None = None,
) -> OpticalModel:
    """Model for `design`; engine lanes differ a little so that no lane can stand for another."""
    e, ports = design.engine, design.switch.ports
    switched = design.switch.topology != "none"
    order = tuple(range(ports)) if permutation is None else tuple(permutation)
    if modulator is None:
        modulator = {
            "mzm": Mzm(
                v_pi=e.mzm_v_pi_v, er_limit_db=e.mzm_er_limit_db,
                bandwidth_ghz=e.mzm_bandwidth_ghz, insertion_loss_db=e.mzm_loss_db,
            ),
            "ring": Ring(
                fwhm_pm=e.wavelength_nm * 1e3 / e.ring_q, depth=e.ring_depth,
                detuning_pm=e.ring_detuning_pm, efficiency_pm_per_v=e.ring_efficiency_pm_per_v,
                bandwidth_ghz=e.ring_bandwidth_ghz, insertion_loss_db=e.ring_loss_db,
            ),
            "eam": Eam(
                slope_db_per_v=e.eam_slope_db_per_v, bias_v=e.eam_bias_v,
                bandwidth_ghz=e.eam_bandwidth_ghz, insertion_loss_db=e.eam_loss_db,
            ),
        }[e.modulator]  # fmt: skip
    return OpticalModel(
        wavelength_nm=e.wavelength_nm,
        frequency_offsets_ghz=(0.0,),
        permutation=order if switched else tuple(range(design.serdes.lanes)),
        fabric=fabric(ports, split=split, dac_bits=design.switch.dac_bits) if switched else None,
        routes=tuple(
            Route(
                input=i,
                output=o,
                transfer=((1.0, 0.0),),
                group_delay_ps=20.0 + 0.7 * i,
                loss_db=3.0,
            )
            for i, o in enumerate(order)
        )
        if switched
        else (),
        crosstalk=(),
        crosstalk_floor_db=-60.0,
        engine=tuple(
            EngineLane(
                lane=lane,
                laser_to_modulator_db=0.5,
                modulator_to_fibre_db=1.5 + 0.1 * lane,
                fibre_to_detector_db=1.2 + 0.05 * lane,
                transmit_delay_ps=4.0 + 0.3 * lane,
                receive_delay_ps=3.0 + 0.2 * lane,
            )
            for lane in range(design.serdes.lanes)
        ),
        modulator=modulator,
        detector=Detector(
            responsivity_a_per_w=design.receiver.responsivity_a_per_w,
            dark_current_na=design.receiver.dark_current_na,
            bandwidth_ghz=design.receiver.pd_bandwidth_ghz,
        ),
        source={},
    )


def transceivers(design: Design, split: float = 0.48) -> OpticalModel:
    """Model for a design whose transceivers have their own switch, of two cells a lane.

    Unpowered, tx goes to p_out, p_in to rx and b_in to b_out.
    """
    lanes = design.serdes.lanes
    through, across = math.sqrt(1 - split), math.sqrt(split)
    coupler = ((through, 0.0), (0.0, -across), (0.0, -across), (through, 0.0))
    ops: list[Couple | PathOp | HeaterOp] = []
    for lane in range(lanes):
        for k, other in enumerate((1, 2)):
            a, b = 3 * lane, 3 * lane + other
            ops += [
                Couple(a=a, b=b, s=coupler, device="in"),
                HeaterOp(a=a, heater=2 * lane + k, device="heater"),
                Couple(a=a, b=b, s=coupler, device="out"),
                PathOp(a=b, t=(0.6 - 0.02 * lane, 0.5), delay_ps=1.0, device="wire"),
            ]
    plain = optical_model(design.model_copy(update={"switch": Switch(topology="none")}))
    chip = fabric(8).model_copy(
        update={
            "ports": lanes,
            "lines": 3 * lanes,
            "inputs": tuple(f"{n}{i}" for i in range(lanes) for n in ("tx", "p_in", "b_in")),
            "outputs": tuple(f"{n}{i}" for i in range(lanes) for n in ("b_out", "p_out", "rx")),
            "ops": tuple(ops),
            "heaters": fabric(8).heaters[: 2 * lanes],
            "thermal_crosstalk": tuple(
                tuple(float(i == j) for j in range(2 * lanes)) for i in range(2 * lanes)
            ),
        }
    )
    return plain.model_copy(
        update={
            "permutation": (),
            "fabric": chip,
            "routes": tuple(
                Route(input=3 * lane + n, output=3 * lane + n + 1, transfer=((1.0, 0.0),),
                      group_delay_ps=30.0 + 10 * n + lane, loss_db=2.0 + n + 0.1 * lane)
                for lane in range(lanes)
                for n in (0, 1)
            ),
        }
    )  # fmt: skip


def heater_codes(design: Design, permutation: Sequence[int]) -> list[int]:
    """DAC codes that route `permutation`: no power for cross, half a wave for bar."""
    top = (1 << design.switch.dac_bits) - 1
    per_stage = design.switch.ports // 2
    return [
        0 if cross else round(top * math.sqrt((P_PI_MW + cell % per_stage) / FULL_SCALE_MW))
        for cell, cross in enumerate(benes.route(permutation))
    ]


def make(**sections: object) -> Design:
    """Design with some keys other than their defaults."""
    return Design.model_validate({"name": "test", **sections})


@pytest.fixture(scope="session")
def synthetic() -> SimpleNamespace:
    return SimpleNamespace(
        make=make,
        optical_model=optical_model,
        heater_codes=heater_codes,
        fabric=fabric,
        transceivers=transceivers,
    )
