"""SAX as the independent circuit solver."""

from collections.abc import Callable, Mapping

import numpy as np


def sax_circuit(
    netlist,
    device: Callable[[str], Mapping[tuple[str, str], np.ndarray]],
    wire: Callable[[float], np.ndarray],
    points: int,
):
    """Return `s(from, to)`, an array over the points, of the chip ports of a netlist.

    `device(instance)` gives fields from port to port, `wire(length_um)` the transfer of a waveguide
    both ways. Waveguides become instances of their own.
    """
    import sax  # takes seconds: only the tests that need it pay

    models, instances, connections = {}, {}, {}

    def place(name, values):
        instances[name] = {"component": f"m_{name}"}
        models[f"m_{name}"] = lambda: values

    for name in netlist.instances:
        place(name, dict(device(name)))
    for name, joined in netlist.nets.items():
        if len(joined.pins) != 2:
            continue
        t = wire(joined.length_um)
        place(name, {("o1", "o2"): t, ("o2", "o1"): t})
        (a, pa), (b, pb) = joined.pins
        connections[f"{a},{pa}"] = f"{name},o1"
        connections[f"{name},o2"] = f"{b},{pb}"
    circuit, _ = sax.circuit(
        {
            "instances": instances,
            "connections": connections,
            "ports": {name: f"{a},{b}" for name, (a, b) in netlist.ports.items()},
        },
        models,
    )
    found = sax.sdict(circuit())
    return lambda start, end: np.broadcast_to(np.asarray(found[start, end]), (points,))
