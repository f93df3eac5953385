import re

from lightloom import spec
from lightloom.cosim.verilator import build
from lightloom.rtl import library


def test_modules_that_stay_apart_are_in_the_verilog():
    """A name that fits nothing is no error to the compiler: it makes every lane's code again."""
    design = spec.parse({"name": "t", "serdes": {"lanes": 2, "symbols_per_clock": 16}}, "t")
    verilog, _ = library.serdes(design)
    made = set(re.findall(r"^module (\w+)", verilog.read_text(), re.MULTILINE))
    named = re.findall(r'-module "(\w+)"', (build.HERE / "modules.vlt").read_text())
    assert len(named) >= 3
    assert set(named) <= made
    # one for all lanes
    assert not [name for name in made if re.search(r"lane_?\d", name)]
