"""Controller of the optical circuit switch: from a permutation in registers to heater codes."""

from __future__ import annotations

from pathlib import Path

from amaranth import Cat, Module, Mux, ResetInserter, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl import verilog
from lightloom.rtl.csr import axi_lite, rdl
from lightloom.rtl.csr.bank import Bank
from lightloom.rtl.ocs.router import Router, latency
from lightloom.spec import benes
from lightloom.spec.rtl_manifest import RtlManifest

__all__ = ["ADDR_WIDTH", "Controller", "Reason", "generate", "registers"]

ADDR_WIDTH = 12
_TEXT = Path(__file__).with_name("ocs.rdl")


class Reason(enum.IntEnum, shape=3):
    """Why a commit was refused, as `status.reason` says it."""

    NONE = 0
    OUTPUT_RANGE = 1
    NOT_PERMUTATION = 2
    BUSY = 3


class Phase(enum.Enum, shape=2):
    """Where a commit is."""

    IDLE = 0
    ROUTE = 1
    SETTLE = 2


def registers(
    ports: int, dac_bits: int, clock_mhz: float, *, settle_us: float = 60.0
) -> rdl.Description:
    """Register description of a controller; parameters as of `Controller`."""
    cells = benes.cells(ports)
    return rdl.load(
        _TEXT,
        "ocs_controller",
        {
            "PORTS": ports,
            "CELLS": cells,
            "STATE_WORDS": -(-cells // 32),
            "DAC_BITS": dac_bits,
            "SETTLE_CYCLES": round(settle_us * clock_mhz),
        },
    )


class Controller(wiring.Component):
    """Routes the permutation in its registers and applies it to the heaters in one cycle.

    A commit copies the destinations, refuses them when they are no permutation, routes them, and
    then changes every cell state and every DAC code at one clock edge. Until that edge the old map
    stays active, whatever software writes; a refused commit changes nothing but `status`,
    and `refused`. `busy` is high from the cycle after the commit until the heaters have settled.
    A commit that comes while `busy` is refused and does not disturb the one under way.

    The DAC code of a cell is its calibration code for its state, so a write to the calibration of
    the active map moves that one heater, without `busy`: this is how a map is trimmed.
    A park sets all codes and states to 0 at once, drops a commit under way, and is busy until
    settled. Park wins over a commit in the same write.

    Latency: the write of `control.commit` shows as a pulse one cycle after the bus took it; the new
    codes are out `ports` cycles after that pulse, for every permutation, and `done` follows
    `settle_cycles` cycles later. Codes follow a calibration register one cycle after it.
    After reset the fabric is parked and no calibration is set; `settle_cycles` holds `settle_us`.

    Parameters
    ----------
    ports : int
        Ports of the Benes fabric, a power of two from 2 to 64.
    dac_bits : int
        Bits of a heater DAC code, 1 to 16.
    clock_mhz : float
        Clock of domain `sync`, above 0 to 10000; sets the reset value of `settle_cycles` only.
    settle_us : float
        Time for the heaters to settle, 0 or more, at most 2**32 - 1 cycles.

    Members
    -------
    csr : axi_lite.Signature(addr_width=12, data_width=32), in
        Registers, described in `ocs.rdl`.
    dac_codes : benes.cells(ports) * dac_bits bits, out
        Code of each heater, cell 0 lowest, in the order of `lightloom.spec.benes`. Registered.
    cell_states : benes.cells(ports) bits, out
        States of the active map, 1 = cross; 0 when parked. Registered, in step with `dac_codes`.
    busy : 1 bit, out
        Routing or settling.
    done : 1 bit, out
        The active map has settled; low while busy and while parked.
    error : 1 bit, out
        A commit was refused after the last accepted one.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    csr: axi_lite.Interface
    dac_codes: Signal
    cell_states: Signal
    busy: Signal
    done: Signal
    error: Signal

    def __init__(
        self, ports: int, dac_bits: int, clock_mhz: float, *, settle_us: float = 60.0
    ) -> None:
        """Check the parameters, load the register description and make the ports."""
        if ports not in (2, 4, 8, 16, 32, 64):
            raise ValueError(f"ports = {ports!r}; a power of two from 2 to 64")
        if not isinstance(dac_bits, int) or not 1 <= dac_bits <= 16:
            raise ValueError(f"dac_bits = {dac_bits!r}; an integer from 1 to 16")
        if not 0 < clock_mhz <= 10000:
            raise ValueError(f"clock_mhz = {clock_mhz!r}; above 0, at most 10000")
        if not 0 <= settle_us * clock_mhz < 2**32 - 0.5:
            raise ValueError(f"settle_us = {settle_us!r}; 0 to {(2**32 - 1) / clock_mhz:g}")
        self.ports = ports
        self.dac_bits = dac_bits
        self.clock_mhz = clock_mhz
        self.settle_us = settle_us
        self.cells = benes.cells(ports)
        self.description = registers(ports, dac_bits, clock_mhz, settle_us=settle_us)
        super().__init__(
            {
                "csr": In(axi_lite.Signature(addr_width=ADDR_WIDTH)),
                "dac_codes": Out(self.cells * dac_bits),
                "cell_states": Out(self.cells),
                "busy": Out(1),
                "done": Out(1),
                "error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the registers, the router and the sequence of a commit."""
        m = Module()
        m.submodules.bank = bank = Bank(self.description, addr_width=ADDR_WIDTH)
        commit = bank.signal("control.commit")
        park = bank.signal("control.park")
        router = Router(self.ports)
        m.submodules.router = ResetInserter(park)(router)
        wiring.connect(m, wiring.flipped(self.csr), bank.bus)

        wanted = [bank.signal(f"destination[{i}].output_port") for i in range(self.ports)]
        bits = self.ports.bit_length() - 1
        beyond = Signal()
        m.d.comb += beyond.eq(Cat(w[bits:].any() for w in wanted).any())

        phase = Signal(Phase)
        parked = Signal(init=1)
        reason = Signal(Reason)
        wrong = Signal()
        blocked = Signal()
        accept = Signal()
        apply = Signal()
        m.d.comb += [
            blocked.eq(commit & (park | (phase != Phase.IDLE))),
            accept.eq(commit & ~blocked & ~beyond),
            wrong.eq((commit & ~blocked & beyond) | ((phase == Phase.ROUTE) & router.error)),
            apply.eq((phase == Phase.ROUTE) & router.done & ~park),
        ]

        permutation = Signal(self.ports * bits)
        start = Signal()
        m.d.comb += [router.start.eq(start), router.permutation.eq(permutation)]
        m.d.sync += start.eq(accept)
        with m.If(accept):
            m.d.sync += [permutation.eq(Cat(w[:bits] for w in wanted)), reason.eq(Reason.NONE)]
        with m.If(wrong):
            m.d.sync += reason.eq(Mux(commit, Reason.OUTPUT_RANGE, Reason.NOT_PERMUTATION))
        with m.If(blocked):
            m.d.sync += reason.eq(Reason.BUSY)

        # States and codes are registers fed by the same next state: they change at one edge.
        next_states = Signal(self.cells)
        next_parked = Signal()
        m.d.comb += [next_states.eq(self.cell_states), next_parked.eq(parked)]
        with m.If(park):
            m.d.comb += [next_states.eq(0), next_parked.eq(1)]
        with m.Elif(apply):
            m.d.comb += [next_states.eq(router.states), next_parked.eq(0)]
        m.d.sync += [self.cell_states.eq(next_states), parked.eq(next_parked)]
        for cell in range(self.cells):
            code = Mux(
                next_states[cell],
                bank.signal(f"calibration[{cell}].cross"),
                bank.signal(f"calibration[{cell}].bar"),
            )
            m.d.sync += self.dac_codes.word_select(cell, self.dac_bits).eq(
                Mux(next_parked, 0, code)
            )

        settle = bank.signal("settle_cycles.value")
        left = Signal(32)
        with m.Switch(phase):
            with m.Case(Phase.IDLE), m.If(accept):
                m.d.sync += phase.eq(Phase.ROUTE)
            with m.Case(Phase.ROUTE), m.If(router.error):
                m.d.sync += phase.eq(Phase.IDLE)
            with m.Case(Phase.SETTLE):
                m.d.sync += left.eq(left - 1)
                with m.If(left == 0):
                    m.d.sync += phase.eq(Phase.IDLE)
        with m.If(park | apply):
            m.d.sync += [
                phase.eq(Mux(settle == 0, Phase.IDLE, Phase.SETTLE)),
                left.eq(settle - 1),
            ]

        elapsed = Signal(range(self.ports + 1))
        route_cycles = Signal.like(elapsed)
        commits = Signal(32)
        refused = Signal(32)
        m.d.sync += [
            elapsed.eq(Mux(accept, 1, elapsed + 1)),
            commits.eq(commits + apply),
            refused.eq(refused + wrong + blocked),
        ]
        with m.If(apply):
            m.d.sync += route_cycles.eq(elapsed + 1)

        m.d.comb += [
            self.busy.eq(phase != Phase.IDLE),
            self.done.eq((phase == Phase.IDLE) & ~parked),
            self.error.eq(reason != Reason.NONE),
            bank.signal("status.busy").eq(self.busy),
            bank.signal("status.done").eq(self.done),
            bank.signal("status.error").eq(self.error),
            bank.signal("status.parked").eq(parked),
            bank.signal("status.reason").eq(reason),
            bank.signal("commits.value").eq(commits),
            bank.signal("refused.value").eq(refused),
            bank.signal("route_cycles.value").eq(route_cycles),
        ]
        for word in range(-(-self.cells // 32)):
            m.d.comb += bank.signal(f"state[{word}].cross").eq(
                self.cell_states[32 * word : 32 * word + 32]
            )
        return m


def generate(
    ports: int,
    dac_bits: int,
    clock_mhz: float,
    directory: Path,
    *,
    settle_us: float = 60.0,
) -> RtlManifest:
    """Write the controller as `ocs_controller.v` with its manifest into `directory`.

    The stages of `latency_cycles`: `route`, the router alone, and `commit`, from the commit pulse
    to the new codes, routing included.

    Raises
    ------
    ValueError
        As `Controller`.
    """
    controller = Controller(ports, dac_bits, clock_mhz, settle_us=settle_us)
    return verilog.emit(
        controller,
        "ocs_controller",
        directory=directory,
        parameters={
            "ports": ports,
            "dac_bits": dac_bits,
            "clock_mhz": clock_mhz,
            "settle_us": settle_us,
        },
        registers=controller.description.manifest(),
        latency={"route": latency(ports), "commit": ports},
    )
