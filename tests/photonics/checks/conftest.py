import klayout.db as kdb
import pytest

from lightloom.photonics.cells.coupler import coupler2x2
from lightloom.photonics.cells.crossing import crossing
from lightloom.photonics.cells.eam import eam
from lightloom.photonics.cells.edge_coupler import edge_coupler
from lightloom.photonics.cells.grating_coupler import grating_coupler
from lightloom.photonics.cells.heater import heater_waveguide
from lightloom.photonics.cells.mzm import mzm
from lightloom.photonics.cells.photodiode import photodiode
from lightloom.photonics.cells.pin_waveguide import pin_waveguide
from lightloom.photonics.cells.ring_filter import ring_filter
from lightloom.photonics.cells.ring_modulator import ring_modulator
from lightloom.photonics.cells.splitter import splitter1x2
from lightloom.photonics.cells.terminator import terminator
from lightloom.photonics.checks.chip import Chip

DEVICES = {
    "coupler2x2": (coupler2x2, {}),
    "crossing": (crossing, {}),
    "heater_waveguide": (heater_waveguide, {"undercut": True}),
    "pin_waveguide": (pin_waveguide, {}),
    "edge_coupler": (edge_coupler, {}),
    "grating_coupler": (grating_coupler, {}),
    "terminator": (terminator, {}),
    "splitter1x2": (splitter1x2, {}),
    "ring_modulator": (ring_modulator, {}),
    "ring_filter": (ring_filter, {}),
    "mzm": (mzm, {"length": 500.0}),
    "eam": (eam, {}),
    "photodiode": (photodiode, {}),
}


@pytest.fixture(scope="session")
def device_files(tmp_path_factory):
    """A GDS file of each device type, drawn as by default."""
    directory = tmp_path_factory.mktemp("devices")
    files = {}
    for name, (cell, settings) in DEVICES.items():
        files[name] = directory / f"{name}.gds"
        cell(**settings).write_gds(files[name])
    return files


@pytest.fixture
def flat_device(device_files):
    """A flat layout of a device, to be spoiled: (chip, its only cell)."""

    def load(name):
        layout = kdb.Layout()
        layout.read(str(device_files[name]))
        layout.top_cell().flatten(-1, True)
        return Chip(layout, name)

    return load
