"""Switches extracted from their layouts, with their programs, models and drives; each made once."""

import tempfile
from functools import cache
from pathlib import Path

from lightloom.photonics.checks import extract
from lightloom.photonics.circuit import guided, traffic
from lightloom.photonics.switch import calibration, fabric_model
from lightloom.photonics.switch.fabric import switch_chip
from lightloom.spec.design import Design

CARRIER = guided.frequency_hz(1310.0)


class Drawn:
    """A switch at the nominal calibration."""

    def __init__(self, topology, ports, **switch):
        self.topology, self.ports = topology, ports
        settings = {"topology": topology, "ports": ports, "permutation": "identity", **switch}
        self.design = Design.model_validate({"name": "test", "switch": settings})
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "switch.gds"
            switch_chip(self.design.switch).component.write_gds(path)
            self.netlist = extract.extract(path)
        self.program = fabric_model.program(self.netlist, self.design.switch)
        self.fabric = fabric_model.fabric(self.design, self.netlist, self.program)
        self.table = calibration.codes(self.fabric, "nominal")
        self.drive = traffic.drive(self.fabric, self.table)


@cache
def drawn(topology, ports, **switch):
    return Drawn(topology, ports, **switch)
