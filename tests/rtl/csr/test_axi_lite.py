import pytest
from amaranth.lib import wiring

from lightloom.rtl.csr import axi_lite


@pytest.mark.parametrize("width", [0, 65, "12"])
def test_an_address_width_out_of_range_is_refused(width):
    with pytest.raises(ValueError, match=r"addr_width = .*; an integer from 1 to 64"):
        axi_lite.Signature(addr_width=width)


def test_a_data_width_other_than_32_or_64_is_refused():
    with pytest.raises(ValueError, match="data_width = 16; 32 or 64"):
        axi_lite.Signature(addr_width=12, data_width=16)


def test_the_bus_has_the_nineteen_signals_of_the_standard():
    bus = axi_lite.Signature(addr_width=12).create()
    widths = {name: len(getattr(bus, name)) for name in bus.signature.members}
    assert widths == {
        "awaddr": 12, "awprot": 3, "awvalid": 1, "awready": 1,
        "wdata": 32, "wstrb": 4, "wvalid": 1, "wready": 1,
        "bresp": 2, "bvalid": 1, "bready": 1,
        "araddr": 12, "arprot": 3, "arvalid": 1, "arready": 1,
        "rdata": 32, "rresp": 2, "rvalid": 1, "rready": 1,
    }  # fmt: skip
    driven = {n for n, m in bus.signature.members.items() if m.flow is wiring.Out}
    assert driven == {n for n in widths if n[:2] in ("aw", "ar") or n[0] == "w"} - {
        "awready", "wready", "arready"} | {"bready", "rready"}  # fmt: skip


def test_signatures_compare_by_their_widths():
    assert axi_lite.Signature(addr_width=12) == axi_lite.Signature(addr_width=12)
    assert axi_lite.Signature(addr_width=12) != axi_lite.Signature(addr_width=13)
    assert axi_lite.Signature(addr_width=12) != axi_lite.Signature(addr_width=12, data_width=64)
