"""A register bank on AXI4-Lite, built from a SystemRDL description."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.csr import axi_lite
from lightloom.rtl.csr.axi_lite import Response
from lightloom.rtl.csr.rdl import REGISTER_BITS, Description, Field, Register, identifier

__all__ = ["Bank"]


class Bank(wiring.Component):
    """The registers of `description` behind one AXI4-Lite port, in domain `sync`.

    One write and one read may be outstanding; they do not wait for each other. A write takes
    effect in the cycle after both its address and its data were taken, and is answered in the next
    cycle; a read samples the fields in the cycle after its address was taken and is answered in
    the next cycle. Throughput: one write and one read every three cycles. Every output of the bus
    comes from a register; ready does not depend on valid, and a response stays until it is taken.

    An address that no register has is answered with DECERR. SLVERR is the answer to an address
    inside a register but not on its first byte, to a write when no field of the register can be
    written, and to a read when none can be read. Neither changes anything. A byte lane that is off
    in `wstrb` keeps its bits. Bits outside fields, and fields that cannot be read, read 0.

    After reset every field has its reset value and no response is pending.

    Parameters
    ----------
    description : Description
        The registers, from `rdl.load`.
    addr_width : int
        Width of the byte address of the bus; at least `description.addr_width` and at most 64.
        Addresses above the last register are unmapped, not aliases.

    Members
    -------
    bus : axi_lite.Signature(addr_width, data_width=32), in
        The port of software.
    <register>_<field> : width of the field
        One a field that hardware can see, named by its path with underscores, such as
        `lane_3_status_block_lock`. `hw = r`: out, the value of the field; with `singlepulse`, high
        for one cycle when software writes a one. `hw = w`: in, what software reads in that cycle;
        with `stickybit` (and `onwrite = woclr`), each bit that is high sets its bit of the field,
        which holds until software writes a one to it. When both happen in one cycle, `precedence`
        decides.
    <register>_<field>_swacc : 1 bit, out
        For fields with `swacc`: high in the cycle in which software reads or writes the field, so
        that the other half of a wide value can be held at that clock edge.

    Raises
    ------
    ValueError
        When `addr_width` is out of range.
    """

    bus: axi_lite.Interface

    def __init__(self, description: Description, *, addr_width: int | None = None) -> None:
        """Check the width and make the ports."""
        least = description.addr_width
        width = least if addr_width is None else addr_width
        if not isinstance(width, int) or not least <= width <= 64:
            raise ValueError(
                f"addr_width = {addr_width!r}; {description.name} needs {least} to 64"
            )
        self.description = description
        self.addr_width = width
        members = {"bus": In(axi_lite.Signature(addr_width=width, data_width=REGISTER_BITS))}
        for register in description.registers:
            for field in register.fields:
                name = identifier(f"{register.name}.{field.name}")
                if field.hardware == "w":
                    members[name] = In(field.width)
                elif field.hardware == "r":
                    members[name] = Out(field.width)
                if field.access_strobe:
                    members[f"{name}_swacc"] = Out(1)
        super().__init__(members)

    def signal(self, path: str) -> Signal:
        """Return the member of the field at `path`, such as `lane[3].status.block_lock`.

        Raises KeyError when the field does not exist or hardware cannot see it.
        """
        name = identifier(path)
        if name not in self.signature.members or name == "bus":
            raise KeyError(path)
        return getattr(self, name)

    def elaborate(self, platform: object) -> Module:
        """Build the bank."""
        m = Module()
        bus = self.bus

        up = Signal()  # keeps ready low during reset
        m.d.sync += up.eq(1)

        aw_held = Signal()
        w_held = Signal()
        write_address = Signal(self.addr_width)
        write_data = Signal(REGISTER_BITS)
        write_strobe = Signal(REGISTER_BITS // 8)
        m.d.comb += [bus.awready.eq(up & ~aw_held), bus.wready.eq(up & ~w_held)]
        with m.If(bus.awvalid & bus.awready):
            m.d.sync += [aw_held.eq(1), write_address.eq(bus.awaddr)]
        with m.If(bus.wvalid & bus.wready):
            m.d.sync += [w_held.eq(1), write_data.eq(bus.wdata), write_strobe.eq(bus.wstrb)]
        do_write = Signal()
        m.d.comb += do_write.eq(aw_held & w_held & ~bus.bvalid)
        with m.If(bus.bvalid & bus.bready):
            m.d.sync += [bus.bvalid.eq(0), aw_held.eq(0), w_held.eq(0)]

        ar_held = Signal()
        read_address = Signal(self.addr_width)
        m.d.comb += bus.arready.eq(up & ~ar_held)
        with m.If(bus.arvalid & bus.arready):
            m.d.sync += [ar_held.eq(1), read_address.eq(bus.araddr)]
        do_read = Signal()
        m.d.comb += do_read.eq(ar_held & ~bus.rvalid)
        with m.If(bus.rvalid & bus.rready):
            m.d.sync += [bus.rvalid.eq(0), ar_held.eq(0)]

        stored: dict[str, Signal] = {}
        for register in self.description.registers:
            for field in register.fields:
                path = f"{register.name}.{field.name}"
                stored[path] = self._store(m, path, field)

        # Each address is compared once for writes; a switch a field would grow with the square of
        # the number of registers.
        registers = self.description.registers
        byte_lanes = Cat(strobe.replicate(8) for strobe in write_strobe)
        with m.If(do_write):
            m.d.sync += bus.bvalid.eq(1)
        write_here = self._decode(m, "write", write_address, do_write, bus.bresp)
        for place, register in enumerate(registers):
            if register.writable:
                with m.If(write_here[place]):
                    self._write(m, register, stored, write_data, byte_lanes)

        with m.If(do_read):
            m.d.sync += bus.rvalid.eq(1)
        read_here = self._decode(m, "read", read_address, do_read, bus.rresp)
        with m.If(do_read):
            m.d.sync += bus.rdata.eq(0)
        with m.If(read_here.any()), m.Switch(read_address[2:]):
            for register in registers:
                if register.readable:
                    with m.Case(register.address >> 2):
                        m.d.sync += bus.rdata.eq(self._word(register, stored))

        for place, register in enumerate(registers):
            for field in register.fields:
                if field.access_strobe:
                    strobe = getattr(self, identifier(f"{register.name}.{field.name}_swacc"))
                    m.d.comb += strobe.eq(write_here[place] | read_here[place])
        return m

    def _decode(
        self, m: Module, kind: str, address: Signal, enable: Signal, response: Signal
    ) -> Signal:
        """Set the response; return one bit a register: `enable`, and the access is allowed."""
        registers = self.description.registers
        hit = Signal(len(registers), name=f"{kind}_hit")
        here = Signal(len(registers), name=f"{kind}_here")
        allowed = sum(
            getattr(register, "writable" if kind == "write" else "readable") << place
            for place, register in enumerate(registers)
        )
        m.d.comb += hit.eq(Cat(address[2:] == register.address >> 2 for register in registers))
        with m.If(enable):
            with m.If(~hit.any()):
                m.d.sync += response.eq(Response.DECERR)
            with m.Elif(address[:2].any() | ~(hit & allowed).any()):
                m.d.sync += response.eq(Response.SLVERR)
            with m.Else():
                m.d.sync += response.eq(Response.OKAY)
                m.d.comb += here.eq(hit)
        return here

    def _store(self, m: Module, path: str, field: Field) -> Signal:
        """Make the register or wire that software reads; for a pulse, the output itself."""
        name = identifier(path)
        if field.write_one_clears:
            sticky = Signal(field.width, init=field.reset, name=f"{name}_sticky")
            m.d.sync += sticky.eq(sticky | getattr(self, name))
            return sticky
        if field.hardware == "w":
            return getattr(self, name)
        if field.single_pulse:
            pulse = getattr(self, name)
            m.d.sync += pulse.eq(0)
            return pulse
        value = Signal(field.width, init=field.reset, name=f"{name}_value")
        if field.hardware == "r":
            m.d.comb += getattr(self, name).eq(value)
        return value

    def _write(
        self,
        m: Module,
        register: Register,
        stored: dict[str, Signal],
        data: Signal,
        lanes: Value,
    ) -> None:
        for field in register.fields:
            if field.software == "r":
                continue
            path = f"{register.name}.{field.name}"
            old = stored[path]
            new = data[field.lsb : field.lsb + field.width]
            enable = lanes[field.lsb : field.lsb + field.width]
            if field.write_one_clears:
                events = getattr(self, identifier(path))
                kept = old & ~(new & enable)
                late = events if field.hardware_wins else events & ~(new & enable)
                m.d.sync += old.eq(kept | late)
            elif field.single_pulse:
                m.d.sync += old.eq(new & enable)
            else:
                m.d.sync += old.eq((old & ~enable) | (new & enable))

    def _word(self, register: Register, stored: dict[str, Signal]) -> Value:
        parts: list[Value] = []
        position = 0
        for field in register.fields:
            parts.append(Const(0, field.lsb - position))
            silent = field.software == "w" or field.single_pulse
            value = stored[f"{register.name}.{field.name}"]
            parts.append(Const(0, field.width) if silent else value)
            position = field.lsb + field.width
        return Cat(*parts)
