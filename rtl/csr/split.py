"""One AXI4-Lite port for two register files."""

from __future__ import annotations

from amaranth import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.csr import axi_lite

__all__ = ["Split"]


class Split(wiring.Component):
    """Pass accesses to the highest addresses to a second register file, all others to the first.

    The second has the addresses whose bits above `upper_width` are all ones, and sees the others.
    One write and one read are under way at a time, each independent of the other; responses are
    those of the register files.

    Latency: one clock more each way than the register file. Throughput: one access of a kind each
    five clocks with a `Bank` behind. Back-pressure as in AXI4-Lite; ready does not depend on valid.
    Reset: nothing is pending.

    Parameters
    ----------
    addr_width : int
        Width of the byte address, 3 to 64.
    upper_width : int
        Width of the addresses of the second file, 2 to `addr_width` less 1.

    Members
    -------
    bus : In(axi_lite.Signature(addr_width, data_width=32))
        Port of software.
    lower, upper : Out(axi_lite.Signature), of `addr_width` and `upper_width` bits
        To the two files.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    bus: axi_lite.Interface
    lower: axi_lite.Interface
    upper: axi_lite.Interface

    def __init__(self, addr_width: int, upper_width: int) -> None:
        """Check the parameters and make the ports."""
        if not isinstance(addr_width, int) or not 3 <= addr_width <= 64:
            raise ValueError(f"addr_width = {addr_width!r}; allowed: an integer from 3 to 64")
        if not isinstance(upper_width, int) or not 2 <= upper_width < addr_width:
            raise ValueError(
                f"upper_width = {upper_width!r}; allowed: an integer from 2 to {addr_width - 1}"
            )
        super().__init__(
            {
                "bus": In(axi_lite.Signature(addr_width=addr_width)),
                "lower": Out(axi_lite.Signature(addr_width=addr_width)),
                "upper": Out(axi_lite.Signature(addr_width=upper_width)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build both directions."""
        m = Module()
        bus, files = self.bus, (self.lower, self.upper)
        up = Signal()  # keeps ready low during reset
        m.d.sync += up.eq(1)

        aw_held, w_held, aw_sent, w_sent = (
            Signal(name=name) for name in ("aw_held", "w_held", "aw_sent", "w_sent")
        )
        address = Signal.like(bus.awaddr)
        data, strobe = Signal.like(bus.wdata), Signal.like(bus.wstrb)
        m.d.comb += [bus.awready.eq(up & ~aw_held), bus.wready.eq(up & ~w_held)]
        with m.If(bus.awvalid & bus.awready):
            m.d.sync += [aw_held.eq(1), address.eq(bus.awaddr)]
        with m.If(bus.wvalid & bus.wready):
            m.d.sync += [w_held.eq(1), data.eq(bus.wdata), strobe.eq(bus.wstrb)]
        both = Signal()
        m.d.comb += both.eq(aw_held & w_held)
        write_here = self._choose(address)
        for here, file in zip(write_here, files, strict=True):
            m.d.comb += [
                file.awaddr.eq(address),
                file.wdata.eq(data),
                file.wstrb.eq(strobe),
                file.awvalid.eq(both & here & ~aw_sent),
                file.wvalid.eq(both & here & ~w_sent),
                file.bready.eq(both & here & ~bus.bvalid),
            ]
            with m.If(file.awvalid & file.awready):
                m.d.sync += aw_sent.eq(1)
            with m.If(file.wvalid & file.wready):
                m.d.sync += w_sent.eq(1)
            with m.If(file.bvalid & file.bready):
                m.d.sync += [bus.bvalid.eq(1), bus.bresp.eq(file.bresp)]
        with m.If(bus.bvalid & bus.bready):
            m.d.sync += [bus.bvalid.eq(0), aw_held.eq(0), w_held.eq(0), aw_sent.eq(0), w_sent.eq(0)]

        ar_held, ar_sent = Signal(), Signal()
        where = Signal.like(bus.araddr)
        m.d.comb += bus.arready.eq(up & ~ar_held)
        with m.If(bus.arvalid & bus.arready):
            m.d.sync += [ar_held.eq(1), where.eq(bus.araddr)]
        for here, file in zip(self._choose(where), files, strict=True):
            m.d.comb += [
                file.araddr.eq(where),
                file.arvalid.eq(ar_held & here & ~ar_sent),
                file.rready.eq(ar_held & here & ~bus.rvalid),
            ]
            with m.If(file.arvalid & file.arready):
                m.d.sync += ar_sent.eq(1)
            with m.If(file.rvalid & file.rready):
                m.d.sync += [
                    bus.rvalid.eq(1),
                    bus.rdata.eq(file.rdata),
                    bus.rresp.eq(file.rresp),
                ]
        with m.If(bus.rvalid & bus.rready):
            m.d.sync += [bus.rvalid.eq(0), ar_held.eq(0), ar_sent.eq(0)]
        return m

    def _choose(self, address: Signal) -> tuple[Value, Value]:
        """Which file an address is in: the upper one when all bits above its own are ones."""
        upper = address[len(self.upper.awaddr) :].all()
        return ~upper, upper
