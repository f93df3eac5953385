"""Registers of the SerDes: PeakRDL sees the same map, every status field has a source."""

from pathlib import Path

import pytest

from lightloom.rtl.link import registers as description
from lightloom.rtl.link.config import Config
from lightloom.rtl.link.registers import ADDRESS_BITS

SOURCE = Path(description.__file__).with_name("serdes.rdl")


@pytest.mark.parametrize("lanes", [1, 16])
def test_addresses_and_fields_equal_those_of_peakrdl(lanes, peakrdl, tmp_path):
    config = Config(lanes=lanes)
    made = description.registers(config)
    parameters = dict(made.parameters)
    oracle, _ = peakrdl(SOURCE, "serdes", parameters, made.registers, tmp_path)
    mine = {}
    for register in made.registers:
        mine[register.name] = str(register.address)
        for field in register.fields:
            mine[f"{register.name}.{field.name}"] = f"{field.lsb},{field.width}"
    assert oracle.items() <= mine.items()
    assert {r.name for r in made.registers} <= oracle.keys()
    assert len(oracle) > 0.7 * len(mine)
    assert max(r.address for r in made.registers) < 1 << ADDRESS_BITS


def test_resets_follow_the_configuration():
    config = Config(
        profile="100g-kp4",
        modulation="pam4",
        precoding=True,
        training=False,
        tx_ffe=(1, -3, 40, 2),
        marker_rows=80,
    )
    made = description.registers(config)
    assert made.register("tx_ffe").reset == 0x0102_28FD
    assert made.register("line").reset == 0b011
    assert made.register("control").field("training").reset == 0
    assert made.register("control").field("degrade").reset == 1
