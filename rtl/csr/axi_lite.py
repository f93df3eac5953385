"""AXI4-Lite: the signature of the bus, its response codes and a driver for simulations.

Ref: Arm IHI 0022 (AMBA AXI), part B, AXI4-Lite.
"""

from __future__ import annotations

import enum
from typing import Any

from amaranth import Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Interface", "Response", "Signature", "read", "write"]


class Response(enum.IntEnum):
    """Codes of `bresp` and `rresp`; EXOKAY does not exist in AXI4-Lite."""

    OKAY = 0
    SLVERR = 2
    DECERR = 3


class Signature(wiring.Signature):
    """AXI4-Lite bus, seen from the manager; use `In(Signature(...))` on a subordinate.

    Parameters
    ----------
    addr_width : int
        Width of the byte address, 1 to 64.
    data_width : int
        Width of the data, 32 or 64.

    Members
    -------
    awaddr, araddr : addr_width bits, out
        Byte address.
    awprot, arprot : 3 bits, out
        Protection type.
    wdata : data_width bits, out
        Data to write; byte lane `k` counts where `wstrb[k]` is set.
    wstrb : data_width / 8 bits, out
        Byte lanes to write.
    rdata : data_width bits, in
        Data read; valid with `rvalid`.
    bresp, rresp : 2 bits, in
        A `Response`.
    awvalid, wvalid, bready, arvalid, rready : 1 bit, out
        Handshakes of the manager.
    awready, wready, bvalid, arready, rvalid : 1 bit, in
        Handshakes of the subordinate.

    Raises
    ------
    ValueError
        When a width is out of range.
    """

    def __init__(self, *, addr_width: int, data_width: int = 32) -> None:
        """Check the widths and make the members."""
        if not isinstance(addr_width, int) or not 1 <= addr_width <= 64:
            raise ValueError(f"addr_width = {addr_width!r}; an integer from 1 to 64")
        if data_width not in (32, 64):
            raise ValueError(f"data_width = {data_width!r}; 32 or 64")
        self.addr_width = addr_width
        self.data_width = data_width
        super().__init__(
            {
                "awaddr": Out(addr_width),
                "awprot": Out(3),
                "awvalid": Out(1),
                "awready": In(1),
                "wdata": Out(data_width),
                "wstrb": Out(data_width // 8),
                "wvalid": Out(1),
                "wready": In(1),
                "bresp": In(2),
                "bvalid": In(1),
                "bready": Out(1),
                "araddr": Out(addr_width),
                "arprot": Out(3),
                "arvalid": Out(1),
                "arready": In(1),
                "rdata": In(data_width),
                "rresp": In(2),
                "rvalid": In(1),
                "rready": Out(1),
            }
        )

    def create(self, *, path: tuple[str | int, ...] = (), src_loc_at: int = 0) -> Interface:
        """Create the signals of the bus."""
        return Interface(self, path=path, src_loc_at=1 + src_loc_at)

    def __eq__(self, other: object) -> bool:
        """Compare the widths."""
        return (
            isinstance(other, Signature)
            and self.addr_width == other.addr_width
            and self.data_width == other.data_width
        )

    def __repr__(self) -> str:
        """Show the widths."""
        return f"axi_lite.Signature(addr_width={self.addr_width}, data_width={self.data_width})"


class Interface(wiring.PureInterface):
    """The signals of one AXI4-Lite bus."""

    awaddr: Signal
    awprot: Signal
    awvalid: Signal
    awready: Signal
    wdata: Signal
    wstrb: Signal
    wvalid: Signal
    wready: Signal
    bresp: Signal
    bvalid: Signal
    bready: Signal
    araddr: Signal
    arprot: Signal
    arvalid: Signal
    arready: Signal
    rdata: Signal
    rresp: Signal
    rvalid: Signal
    rready: Signal


async def write(
    ctx: Any, bus: Interface, address: int, data: int, strobe: int = 0xF, limit: int = 1000
) -> Response:
    """Do one write in an Amaranth testbench and return the response.

    Raises TimeoutError when the subordinate has not answered within `limit` clock cycles.
    """
    ctx.set(bus.awaddr, address)
    ctx.set(bus.awvalid, 1)
    ctx.set(bus.wdata, data)
    ctx.set(bus.wstrb, strobe)
    ctx.set(bus.wvalid, 1)
    ctx.set(bus.bready, 1)
    for _ in range(limit):
        _, _, aw, w, b, response = await ctx.tick().sample(
            bus.awready, bus.wready, bus.bvalid, bus.bresp
        )
        if aw:
            ctx.set(bus.awvalid, 0)
        if w:
            ctx.set(bus.wvalid, 0)
        if b:
            ctx.set(bus.bready, 0)
            return Response(response)
    raise TimeoutError(f"write to {address:#x}: no response in {limit} cycles")


async def read(
    ctx: Any, bus: Interface, address: int, limit: int = 1000
) -> tuple[int, Response]:
    """Do one read in an Amaranth testbench and return data and response.

    Raises TimeoutError when the subordinate has not answered within `limit` clock cycles.
    """
    ctx.set(bus.araddr, address)
    ctx.set(bus.arvalid, 1)
    ctx.set(bus.rready, 1)
    for _ in range(limit):
        _, _, ar, r, data, response = await ctx.tick().sample(
            bus.arready, bus.rvalid, bus.rdata, bus.rresp
        )
        if ar:
            ctx.set(bus.arvalid, 0)
        if r:
            ctx.set(bus.rready, 0)
            return data, Response(response)
    raise TimeoutError(f"read of {address:#x}: no response in {limit} cycles")
