"""Layout versus schematic: the netlist of a file against the intended one, optical and electrical.

Every device, waveguide, conductor, chip port, pad and parameter of the intended netlist is looked
for in the extracted one and the other way round. A finding names the place: the bridge of a short,
the gap of an open, the device with a wrong parameter.
"""

from __future__ import annotations

from pathlib import Path

from lightloom.photonics import netlist as netlists
from lightloom.photonics.checks import lvs_devices, lvs_metal, lvs_wires
from lightloom.photonics.checks.chip import open_chip
from lightloom.photonics.checks.comparison import Comparison
from lightloom.photonics.checks.extract import Extraction, extract_chip
from lightloom.photonics.checks.verdict import Verdict, order
from lightloom.photonics.layer_map import OPEN, LayerMap
from lightloom.photonics.netlist import Netlist

RULES = (
    ("BAND", "the layout is for one band, the intended one"),
    ("DEVICE", "every device is recognised, whole, and of a known type with its pins"),
    ("LABEL", "chip port and pad labels are names that occur once"),
    ("MISSING", "every intended device, port and pad is in the layout"),
    ("EXTRA", "every device and waveguide of the layout is intended"),
    ("OPEN", "what is meant to be joined is joined"),
    ("SHORT", "what is meant to be apart is apart"),
    ("SWAPPED", "what is joined is joined to the intended pin"),
    ("PLACE", "devices are where the netlist says"),
    ("PARAMETER", "measured parameters agree with the intended ones"),
    ("UNEQUAL", "devices that are meant to be alike are drawn alike"),
    ("WIRE", "waveguides keep their width, bend gently, stay apart and meet pins exactly"),
    ("STUB", "metal lines are straight and end at a cut, contact, pin or pad"),
    ("LOOPS", "a mesh is joined at every place meant"),
    ("VIAS", "groups of cuts are full"),
)


def check(gds: Path, intended: Path | Netlist, layers: LayerMap = OPEN) -> Verdict:
    """Compare a GDS or OASIS file with a netlist or netlist file."""
    wanted = netlists.read(intended) if isinstance(intended, Path) else intended
    return check_extraction(extract_chip(open_chip(gds, layers)), wanted)


def check_extraction(extraction: Extraction, intended: Netlist) -> Verdict:
    """Compare an extracted chip with the intended netlist."""
    intended.validate()
    run = Comparison(extraction, intended)
    if run.found.band != intended.band:
        centre = extraction.chip.top.bbox().center()
        run.add("BAND", f"{run.found.band}-band; intended {intended.band}", centre)
    lvs_devices.compare(run)
    lvs_wires.compare(run)
    lvs_metal.compare(run)
    return Verdict("lvs", extraction.netlist.chip, RULES, order(run.findings))
