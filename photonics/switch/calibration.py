"""Heater DAC codes for the bar and the cross state of every cell.

`nominal` trusts the design: no heat crosses, half a turn is bar. `measured` uses the phase that the
arms of each cell really have in the extracted layout. Any other mode is a JSON file of codes.
"""

from __future__ import annotations

import cmath
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lightloom.spec.base import DesignError
from lightloom.spec.optical_model import Couple, Fabric, HeaterOp, OpticalModel, PathOp

MAX_BYTES = 1 << 20
"""Calibration files larger than this are refused."""
SLACK_RAD = 0.1
"""A cell that would need less than nothing by up to this is left unheated, not turned around."""


def codes(model: OpticalModel | Fabric, mode: str) -> dict[str, list[int]]:
    """Return `{"bar": [...], "cross": [...]}`, one DAC code a cell in the order of the heaters.

    Raises `DesignError` for a file that cannot be used and for phases beyond the DAC's full scale.
    """
    fabric = model if isinstance(model, Fabric) else model.fabric
    if fabric is None:
        raise ValueError("the model has no fabric; allowed: a design with a switch")
    if mode not in ("nominal", "measured"):
        return _from_file(Path(mode), len(fabric.heaters), fabric.dac_bits)
    static = static_phases(fabric) if mode == "measured" else np.zeros(len(fabric.heaters))
    result: dict[str, list[int]] = {}
    for state, offset in (("bar", math.pi), ("cross", 0.0)):
        turn = np.mod(static + offset + SLACK_RAD, 2 * math.pi) - SLACK_RAD
        result[state] = [
            _code(fabric, heater, max(float(phase), 0.0)) for heater, phase in enumerate(turn)
        ]
    return result


def powers_mw(fabric: Fabric, dac_codes: Sequence[int]) -> NDArray[np.float64]:
    """Heater powers at the given codes: a voltage DAC into a resistor."""
    top = (1 << fabric.dac_bits) - 1
    if len(dac_codes) != len(fabric.heaters) or any(not 0 <= code <= top for code in dac_codes):
        raise ValueError(
            f"{len(dac_codes)} DAC codes up to {max(dac_codes, default=0)}; "
            f"allowed: {len(fabric.heaters)} codes of 0 to {top}"
        )
    return fabric.dac_full_scale_mw * (np.asarray(dac_codes, dtype=float) / top) ** 2


def phases_rad(fabric: Fabric, dac_codes: Sequence[int]) -> NDArray[np.float64]:
    """Settled heater phases at the given codes, thermal crosstalk included."""
    p_pi = np.array([heater.p_pi_mw for heater in fabric.heaters])
    own = math.pi * powers_mw(fabric, dac_codes) / p_pi
    return np.array(fabric.thermal_crosstalk) @ own


def static_phases(fabric: Fabric) -> NDArray[np.float64]:
    """Phase by which the heated arm of each cell leads the other arm while everything is cold."""
    result = np.zeros(len(fabric.heaters))
    for at, op in enumerate(fabric.ops):
        if not isinstance(op, HeaterOp):
            continue
        # From the coupler before the heater to the one behind it, on both lines.
        start = next(
            (i for i in range(at - 1, -1, -1) if _couples(fabric.ops[i], op.a)),
            None,
        )
        if start is None:
            continue
        first = fabric.ops[start]
        assert isinstance(first, Couple)
        other = first.b if first.a == op.a else first.a
        lead = 1.0 + 0j
        for step in fabric.ops[start + 1 :]:
            if isinstance(step, PathOp) and step.a in (op.a, other):
                t = complex(*step.t)
                lead = lead * t if step.a == op.a else lead / t
            elif _couples(step, op.a):
                break
        result[op.heater] = cmath.phase(lead)
    return result


def _couples(op: object, line: int) -> bool:
    return isinstance(op, Couple) and line in (op.a, op.b)


def _code(fabric: Fabric, heater: int, phase: float) -> int:
    power = fabric.heaters[heater].p_pi_mw * phase / math.pi
    top = (1 << fabric.dac_bits) - 1
    code = round(math.sqrt(power / fabric.dac_full_scale_mw) * top)
    if code > top:
        raise DesignError(
            f"heater {fabric.heaters[heater].name} needs {power:.3g} mW; "
            f"allowed: the DAC's full scale, {fabric.dac_full_scale_mw:.3g} mW"
        )
    return code


def _from_file(path: Path, cells: int, bits: int) -> dict[str, list[int]]:
    try:
        raw = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except OSError as error:
        raise DesignError(f"{path}: cannot be read: {error.strerror}") from None
    if raw is None:
        raise DesignError(f"{path}: too large; allowed: at most {MAX_BYTES} bytes")
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        raise DesignError(f"{path}: not JSON") from None
    if not isinstance(data, dict) or set(data) != {"bar", "cross"}:
        raise DesignError(f"{path}: allowed: an object with the keys bar and cross")
    top = (1 << bits) - 1
    for key, values in data.items():
        if not isinstance(values, list) or len(values) != cells:
            count = f"{len(values)} codes" if isinstance(values, list) else type(values).__name__
            raise DesignError(f"{path}: {key}: {count}; allowed: a list of {cells} codes")
        for cell, code in enumerate(values):
            if type(code) is not int or not 0 <= code <= top:
                raise DesignError(f"{path}: {key}[{cell}] = {code!r}; allowed: 0 to {top}")
    return {"bar": data["bar"], "cross": data["cross"]}
