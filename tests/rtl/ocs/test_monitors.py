"""Monitors: the registers that they take are those of the description, the other way round."""

import gc

import pytest
from amaranth.lib.wiring import In

from lightloom.rtl.csr.bank import Bank
from lightloom.rtl.ocs.monitors import Monitors
from lightloom.rtl.ocs.registers import MONITORS, registers


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("ports", [3, 64])
def test_every_register_of_the_monitors_is_theirs(ports):
    topology = "benes" if ports == 64 else "piloss"
    description = registers(ports, 10, 250.0, topology=topology, monitors=True, groups=2)
    assert description.register("fabric").field("groups").reset == 2
    mine = Monitors(topology, ports, 2, description).signature.members
    shared = [name for name in Bank(description).signature.members if name in mine]
    assert shared
    for name in shared:
        theirs = Bank(description).signature.members[name]
        assert (mine[name].flow is In) != (theirs.flow is In)
        assert mine[name].shape == theirs.shape
    fields = [f for r in description.registers if r.address in MONITORS for f in r.fields]
    strobes = sum(f.access_strobe for f in fields)
    assert len(shared) == len(fields) + strobes
    gc.collect()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_without_taps_there_are_no_such_registers():
    description = registers(8, 10, 250.0)
    assert not [r.name for r in description.registers if r.address in MONITORS]
    assert description.register("fabric").field("groups").reset == 0
    with pytest.raises(ValueError, match="groups = 129; allowed: an integer from 1 to 128"):
        Monitors("benes", 8, 129, description)
    gc.collect()
