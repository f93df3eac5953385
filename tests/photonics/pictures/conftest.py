import pytest

from lightloom.photonics import preview
from lightloom.photonics.engine.chip import engine_chip
from lightloom.photonics.switch.fabric import switch_chip
from lightloom.spec.design import Engine, Switch

CHIPS = {
    "benes4": lambda: switch_chip(Switch(ports=4)),
    "benes32": lambda: switch_chip(Switch(ports=32)),
    "crossbar8": lambda: switch_chip(Switch(ports=8, topology="crossbar")),
    "bumps8": lambda: switch_chip(
        Switch(ports=8, contacts="bumps", monitors="port", coupler="grating")
    ),
    "ring2": lambda: engine_chip(Engine(modulator="ring"), 2),
    "wdm4": lambda: engine_chip(
        Engine(modulator="ring", wavelengths=4, receiver="drop-filter", monitors=True), 2
    ),
    "mzm3": lambda: engine_chip(Engine(modulator="mzm"), 3),
}


@pytest.fixture(scope="session")
def chip_file(tmp_path_factory):
    """A layout file of one of `CHIPS`, and its chip."""
    directory = tmp_path_factory.mktemp("chips")
    made = {}

    def file(name):
        if name not in made:
            chip = CHIPS[name]()
            path = directory / f"{name}.gds"
            preview.write_layout(chip.component, path)
            made[name] = path, chip
        return made[name]

    return file
