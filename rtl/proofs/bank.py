"""Register banks: every field as described, errors that change nothing, and the rules of the bus.

The bank is compared with a second one made of its description alone: what the bus took, the value
of every field, and the answer that is due.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value

from lightloom.rtl.csr.axi_lite import Response
from lightloom.rtl.csr.bank import Bank
from lightloom.rtl.csr.rdl import REGISTER_BITS, Description, Field, Register, identifier
from lightloom.rtl.link import serdes
from lightloom.rtl.link.config import Config
from lightloom.rtl.ocs import registers as chip_registers
from lightloom.rtl.proofs.bench import Bench, Proof, internal

__all__ = ["PROOFS", "described"]


class _Channel:
    """Requests of one direction: what was taken, when it acts, and the answer."""

    def __init__(self, bench: Bench, valid: Value, ready: Value, address: Value) -> None:
        m = bench.m
        self.held, self.address = Signal(), Signal(len(address))
        m.d.sync += self.held.eq(self.held | (valid & ready))
        with m.If(valid & ready):
            m.d.sync += self.address.eq(address)


def _answer(
    bench: Bench, description: Description, address: Value, kind: str
) -> tuple[list[Value], Value]:
    """One bit a register that the access may touch, and the response."""
    exact = [address == register.address for register in description.registers]
    inside = [address[2:] == register.address >> 2 for register in description.registers]
    allowed = [getattr(register, kind) for register in description.registers]
    touched = [hit & ok for hit, ok in zip(exact, allowed, strict=True)]
    error = Mux(Cat(inside).any(), Response.SLVERR, Response.DECERR)
    return touched, Mux(Cat(touched).any(), Response.OKAY, error)


def described(bench: Bench, description: Callable[[], Description]) -> None:
    """Claim that a bank does what its description says."""
    m, dut = bench.m, Bank(description())
    inner = bench.add(dut)
    bus, registers = dut.bus, dut.description.registers
    up = Signal()
    m.d.sync += up.eq(1)

    write = _Channel(bench, bus.awvalid, bus.awready, bus.awaddr)
    data, strobe, data_held = Signal(REGISTER_BITS), Signal(REGISTER_BITS // 8), Signal()
    with m.If(bus.wvalid & bus.wready):
        m.d.sync += [data.eq(bus.wdata), strobe.eq(bus.wstrb), data_held.eq(1)]
    answered, response, writes = Signal(), Signal(2), Signal()
    m.d.comb += writes.eq(write.held & data_held & ~answered)
    touched, due = _answer(bench, dut.description, write.address, "writable")
    with m.If(writes):
        m.d.sync += [answered.eq(1), response.eq(due)]
    with m.Elif(answered & bus.bready):
        m.d.sync += [answered.eq(0), write.held.eq(0), data_held.eq(0)]
    bench.check("awready", bus.awready == (up & ~write.held))
    bench.check("wready", bus.wready == (up & ~data_held))
    bench.check("bvalid", bus.bvalid == answered)
    bench.check("bresp", ~answered | (bus.bresp == response))

    read = _Channel(bench, bus.arvalid, bus.arready, bus.araddr)
    given, answer, word, reads = Signal(), Signal(2), Signal(REGISTER_BITS), Signal()
    m.d.comb += reads.eq(read.held & ~given)
    looked, told = _answer(bench, dut.description, read.address, "readable")
    bench.check("arready", bus.arready == (up & ~read.held))
    bench.check("rvalid", bus.rvalid == given)
    bench.check("rresp", ~given | (bus.rresp == answer))
    bench.check("rdata", ~given | (bus.rdata == word))

    lanes = Cat(bit.replicate(8) for bit in strobe)
    words: Value = Const(0, REGISTER_BITS)
    for register, writing, reading in zip(registers, touched, looked, strict=True):
        acts = Signal(name=f"writes_{identifier(register.name)}")
        m.d.comb += acts.eq(writes & writing)
        for field in register.fields:
            seen = _field(bench, dut, inner, register, field, acts, data, lanes)
            if field.software != "w" and not field.single_pulse:
                words = words | Mux(reading, seen << field.lsb, 0)
            if field.access_strobe:
                pulse = getattr(dut, identifier(f"{register.name}.{field.name}_swacc"))
                bench.check(f"{pulse.name}", pulse == (acts | (reads & reading)))
    with m.If(reads):
        m.d.sync += [given.eq(1), answer.eq(told), word.eq(words)]
    with m.Elif(given & bus.rready):
        m.d.sync += [given.eq(0), read.held.eq(0)]

    for name, held in (("aw_held", write.held), ("w_held", data_held), ("ar_held", read.held)):
        bench.invariant(name, internal(inner, name) == held)
    for name, value, held in (
        ("write_address", write.address, write.held),
        ("write_data", data, data_held),
        ("write_strobe", strobe, data_held),
        ("read_address", read.address, read.held),
    ):
        bench.invariant(name, ~held | (internal(inner, name) == value))
    bench.invariant("write_order", ~answered | (write.held & data_held))
    bench.invariant("read_order", ~given | read.held)
    bench.cover(answered & (bus.bresp == Response.DECERR))
    bench.cover(answered & (bus.bresp == Response.SLVERR) & (write.address[:2] == 2))
    bench.cover(given & (bus.rresp == Response.OKAY) & (bus.rdata == 0x2A))


def _field(
    bench: Bench,
    dut: Bank,
    inner: Module,
    register: Register,
    field: Field,
    acts: Value,
    data: Value,
    lanes: Value,
) -> Value:
    """Model of a field; returns what software reads of it in this clock."""
    m, name = bench.m, identifier(f"{register.name}.{field.name}")
    port: Any = getattr(dut, name, None)
    if field.hardware == "w" and not field.write_one_clears:
        return port
    if field.hardware == "na" and field.software == "r":
        return Const(field.reset, field.width)
    value = Signal(field.width, name=f"model_{name}", init=field.reset)
    enable = lanes[field.lsb : field.lsb + field.width]
    new = data[field.lsb : field.lsb + field.width]
    cleared = Mux(acts & (field.software != "r"), new & enable, 0)
    if field.write_one_clears:
        both = (value & ~cleared) | port
        m.d.sync += value.eq(both if field.hardware_wins else (value | port) & ~cleared)
        bench.invariant(name, internal(inner, f"{name}_sticky") == value)
    elif field.single_pulse:
        m.d.sync += value.eq(cleared)
        bench.check(name, port == value)
    else:
        if field.software != "r":
            with m.If(acts):
                m.d.sync += value.eq((value & ~enable) | (new & enable))
        if field.hardware == "r":
            bench.check(name, port == value)
        else:
            bench.invariant(name, internal(inner, f"{name}_value") == value)
    return value


def _bus(bench: Bench, description: Callable[[], Description]) -> None:
    m, dut = bench.m, Bank(description())
    inner = bench.add(dut)
    bus = dut.bus
    for name, valid, ready, payload in (
        ("b", bus.bvalid, bus.bready, bus.bresp),
        ("r", bus.rvalid, bus.rready, Cat(bus.rresp, bus.rdata)),
    ):
        waits = bench.past(valid & ~ready)
        bench.check(f"{name}_stays", ~waits | valid)
        bench.check(f"{name}_is_stable", ~waits | (payload == bench.past(payload)))
        bench.check(f"{name}_is_no_exokay", ~valid | (payload[:2] != 1))
        bench.check(f"{name}_not_at_reset", ~bench.first | ~valid)
    owed: dict[str, Signal] = {}
    for name, valid, ready, answer in (
        ("aw", bus.awvalid, bus.awready, bus.bvalid & bus.bready),
        ("w", bus.wvalid, bus.wready, bus.bvalid & bus.bready),
        ("ar", bus.arvalid, bus.arready, bus.rvalid & bus.rready),
    ):
        owed[name] = Signal(range(3), name=f"{name}_owed")
        m.d.sync += owed[name].eq(owed[name] + (valid & ready) - answer)
        bench.check(f"{name}_one_at_a_time", owed[name] <= 1)
        bench.invariant(f"{name}_held", owed[name] == internal(inner, f"{name}_held"))
    wanted = {"b": (owed["aw"] != 0) & (owed["w"] != 0), "r": owed["ar"] != 0}
    for name, valid in (("b", bus.bvalid), ("r", bus.rvalid)):
        bench.check(f"{name}_was_asked_for", ~valid | wanted[name])
        bench.check(f"{name}_comes_in_two", ~bench.past(wanted[name] & ~valid) | valid)
    idle = (owed["aw"] == 0) & (owed["w"] == 0) & (owed["ar"] == 0) & ~bench.first
    bench.check("ready_when_idle", ~idle | (bus.awready & bus.wready & bus.arready))
    bench.cover(bus.bvalid & bus.bready & bus.rvalid & bus.rready)
    bench.cover(bench.past(bus.rvalid & ~bus.rready) & bus.rvalid & bus.rready)


def _misaligned_writes(dut: Bank, module: Module) -> None:
    lowest = next(n for n, r in enumerate(dut.description.registers) if r.writable)
    register = dut.description.registers[lowest]
    address, here = (internal(module, name) for name in ("write_address", "write_here"))
    with module.If(internal(module, "do_write") & (address == register.address + 1)):
        module.d.comb += here[lowest].eq(1)


def _takes_answers_back(dut: Bank, module: Module) -> None:
    module.d.sync += dut.bus.rvalid.eq(internal(module, "do_read"))


def _link() -> Description:
    return serdes.registers(Config(lanes=1))


def _switch() -> Description:
    return chip_registers.registers(8, 12, 100.0)


PROOFS = (
    *(
        Proof(
            "bank",
            f"described_{name}",
            f"registers of the {name}: reset, masks, data, strobes; errors change nothing",
            partial(described, description=description),
            _misaligned_writes,
            method="induction",
            depth=1,
            reach=10,
        )
        for name, description in (("serdes", _link), ("ocs_controller", _switch))
    ),
    Proof(
        "bank",
        "axi4_lite",
        "answers stay until taken, one a request and only when asked for, in two clocks",
        partial(_bus, description=_switch),
        _takes_answers_back,
        method="induction",
        depth=2,
        reach=10,
    ),
)
