"""Any netlist by the solver that fits: forwards where light runs one way, else sparse equations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lightloom.photonics.circuit import scatter, solver
from lightloom.photonics.circuit.elements import Field, Frequencies
from lightloom.photonics.circuit.walk import NotFeedForward
from lightloom.photonics.netlist import Netlist
from lightloom.spec.base import DesignError

Method = Literal["forward", "sparse"]


@dataclass(frozen=True)
class Solution:
    """Field transfers `s[f, output, input]` and how they were found."""

    frequencies_hz: NDArray[np.float64]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    s: Field
    method: Method
    reason: str
    """Why this method."""

    @property
    def power(self) -> NDArray[np.float64]:
        """Power transfers."""
        return np.abs(self.s) ** 2


def solve(
    netlist: Netlist,
    frequencies_hz: Frequencies,
    inputs: Sequence[str],
    outputs: Sequence[str],
    phases_rad: Mapping[str, float] | None = None,
    carrier_hz: float | None = None,
    method: Method | Literal["auto"] = "auto",
) -> Solution:
    """Solve a netlist drawn in the technology.

    `auto` takes the feed-forward solver unless light would come back to where it was: then the
    sparse one. The feed-forward solver leaves out reflections and what crossings throw backwards;
    `sparse` has them.

    Args:
        netlist: extracted, or intended with all lengths.
        frequencies_hz: of the light.
        inputs: chip ports.
        outputs: chip ports, or photodiodes by instance.
        phases_rad: of phase shifters by instance, at the carrier; 0 where absent.
        carrier_hz: that of the band when absent.
        method: which solver.

    Raises:
        DesignError: the netlist lacks something, or `forward` is asked for where there is a loop.
    """
    numbers = scatter.numbers_of(netlist)
    carrier = carrier_hz or scatter.frequency_hz(numbers.carrier_nm)
    frequencies = np.atleast_1d(np.asarray(frequencies_hz, dtype=float))
    phases = dict(phases_rad or {})
    heated = [name for name, one in netlist.instances.items() if one.type in scatter.HEATED]
    for name in phases:
        if name not in heated:
            raise DesignError(
                f"netlist {netlist.chip}: {name} has no phase; "
                f"allowed: {', '.join(heated) or 'none'}"
            )
    reason = "asked for"
    if method != "sparse":
        try:
            program = solver.compile(netlist, scatter.models(numbers), inputs, outputs)
        except NotFeedForward as error:
            if method == "forward":
                raise
            reason = str(error)
        else:
            values = [phases.get(name, 0.0) for name in program.heaters]
            s = solver.evaluate(program, values, frequencies, carrier)
            why = "light runs one way" if method == "auto" else reason
            return Solution(frequencies, tuple(inputs), tuple(outputs), s, "forward", why)
    from lightloom.photonics.circuit import sparse  # brings scipy.sparse, which few need

    ports = [name for name in (*inputs, *outputs) if name in netlist.ports]
    circuit = sparse.build(netlist, scatter.parts(numbers), ports)
    reached = {name: phase for name, phase in phases.items() if name in circuit.parts}
    s = sparse.evaluate(circuit, inputs, outputs, frequencies, reached, carrier)
    return Solution(frequencies, tuple(inputs), tuple(outputs), s, "sparse", reason)

