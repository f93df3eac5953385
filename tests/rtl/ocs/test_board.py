"""Top of a board, end to end: registers, router, drive, SPI, data-sheet models, and back."""

import gc
import subprocess
from pathlib import Path

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.csr import axi_lite
from lightloom.rtl.ocs.board import DRIVES, PINS, Board
from lightloom.rtl.ocs.drive import adc_bank, dac_chain
from lightloom.rtl.ocs.drive.goal import Field
from lightloom.rtl.ocs.drive.model import code
from lightloom.rtl.ocs.requests import Reason
from lightloom.spec import benes

HERE = Path(__file__).parent
PORTS, CELLS, DEVICES, CLOCK_MHZ, BITS = 4, 6, 2, 100, 16
COMMIT, PARK, ABORT, ROLLBACK, KICK, RELEASE = (1 << n for n in range(6))
UPDATE = dac_chain.Timing(dac_chain.LTC2668, DEVICES, CLOCK_MHZ)
POWERS = [(1000 + 900 * cell, 30000 + 5000 * cell) for cell in range(CELLS)]


def board(drive="spi", **options):
    sizes = {"neighbours": 0, "settle_us": 0.0, "devices": DEVICES} | options
    return Board(PORTS, BITS, float(CLOCK_MHZ), drive=drive, **sizes)


class Bench:
    """Software with the registers of the emitted Verilog, and the parts on its pins."""

    def __init__(self, binary, description):
        self.description = description
        self.process = subprocess.Popen(
            [binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(10) == 0

    def say(self, line):
        self.process.stdin.write(line + "\n")
        answer = self.process.stdout.readline()
        assert answer, "a pin moved against the data sheet"
        return [int(word) for word in answer.split()]

    def write(self, name, data):
        assert self.say(f"w {self.description.register(name).address} {data}") == [0], name

    def read(self, name, field=None):
        register = self.description.register(name)
        response, data = self.say(f"r {register.address}")
        assert response == 0
        if field is None:
            return data
        f = register.field(field)
        return (data & f.mask) >> f.lsb

    def outputs(self):
        """busy, done, interrupt, supply_off, clr_n, states, then the DACs."""
        _, _, interrupt, off, clr_n, states, *dacs = self.say("g")
        return interrupt, off, clr_n, states, dacs

    def calibrate(self):
        for item, row in ((Field.BAR, 0), (Field.CROSS, 1)):
            self.write("table_address", int(item) << 16)
            for pair in POWERS:
                self.write("table_data", pair[row])

    def commit(self, wanted):
        for i, to in enumerate(wanted):
            self.write(f"destination[{i}]", 256 | to)
        self.write("control", COMMIT)
        assert self.say("u 20000")[0] < 20000
        return Reason(self.read("status", "reason"))

    def updates(self, count):
        self.say(f"t {count * UPDATE.update}")

    def shows(self, wanted):
        """The DACs hold the codes of a routing that does what is wanted."""
        _, off, clr_n, states, dacs = self.outputs()
        bits = [states >> cell & 1 for cell in range(CELLS)]
        assert benes.apply(PORTS, bits) == wanted
        assert dacs[:CELLS] == [code(POWERS[n][bit], BITS) for n, bit in enumerate(bits)]
        assert not any(dacs[CELLS:])
        assert (off, clr_n) == (0, 1)

    def dark(self):
        _, off, clr_n, states, dacs = self.outputs()
        assert (off, clr_n, states) == (1, 0, 0)
        assert not any(dacs)


@pytest.fixture
def bench(verilate):
    main = (HERE / "axi.h").read_text() + (HERE / "board.cpp").read_text()
    models = [(HERE / "drive" / name).read_text() for name in ("ltc2668.h", "ad7490.h")]
    models[1] = models[1].replace('#include "ltc2668.h"', "")
    sizes = f"#define DEVICES {DEVICES}\n#define CLOCK_MHZ {CLOCK_MHZ}.0\n"
    dut = board()
    one = Bench(verilate(dut, "ocs_board", sizes + "".join(models) + main), dut.description)
    yield one
    one.close()


def lit(b, wanted=(1, 0, 3, 2)):
    b.calibrate()
    b.updates(2)
    assert b.read("status", "fault") == 0
    assert b.commit(wanted) == Reason.NONE
    b.updates(2)
    b.shows(list(wanted))


def test_maps_come_out_of_the_dacs(bench):
    b = bench
    assert b.read("pins.id") == int.from_bytes(b"LOPN", "big")
    assert b.description.register("pins.id").address == PINS
    assert b.read("pins.geometry", "cells") == CELLS
    lit(b)
    for wanted in ([3, 2, 1, 0], [0, 1, 2, 3], [2, 0, 3, 1]):
        assert b.commit(wanted) == Reason.NONE
        b.updates(2)
        b.shows(wanted)
    b.write("control", PARK)
    b.say("t 8")
    b.dark()
    b.write("control", ROLLBACK)
    b.updates(3)
    b.shows([2, 0, 3, 1])
    b.write("watchdog_cycles", 3000)
    b.say("t 3010")
    b.dark()
    assert b.read("status", "watchdog") == 1
    assert b.read("status", "fault") == 0


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("sdo0", dac_chain.Kind.LOW),
        ("sdi1", dac_chain.Kind.HIGH),
        ("cs0", dac_chain.Kind.SELECT),
        ("open0 1", dac_chain.Kind.LOW),
    ],
)
def test_a_stuck_line_or_a_missing_chip_parks_all_and_is_told(bench, fault, kind):
    b = bench
    lit(b)
    b.write("interrupt_clear", 511)
    b.write("interrupt_mask", 1 << 8)
    assert b.outputs()[0] == 0
    b.say(f"f {fault}")
    b.say(f"t {UPDATE.update + 2 * UPDATE.frame}")
    b.dark()
    assert b.outputs()[0] == 1
    assert b.read("interrupt", "fault") == 1
    assert b.read("interrupt", "parked") == 1
    assert b.read("status", "parked") == b.read("status", "fault") == 1
    assert b.read("pins.status", "dac_failed") == 1
    assert b.read("pins.chain[0]", "kind") == kind
    # nothing can be asked for until software has looked
    assert b.commit([1, 0, 3, 2]) == Reason.FAULT
    assert b.read("refusals[9]") == 1
    b.say("f none")
    b.updates(3)
    b.dark()
    b.write("pins.control", 1)
    b.updates(2)
    assert b.read("status", "fault") == 0
    assert b.read("status", "parked") == 1
    assert b.commit([1, 0, 3, 2]) == Reason.NONE
    b.updates(2)
    b.shows([1, 0, 3, 2])


def test_samples_of_the_adc_come_to_the_lock_and_a_dead_adc_to_a_register(bench):
    b = bench
    levels = [100 + tap * 200 for tap in range(16)]
    for tap, level in enumerate(levels):
        b.say(f"v {tap} {level}")
    lit(b)
    b.say("l 15")
    b.write("lock", 0)
    b.write("lock_probe", 300 | 0xFFFF << 16)  # longer than a sample is under way
    seen = {}
    for cell in (0, CELLS - 1):
        for tap in (0, 1):
            # One power, one slot: the sum is that of the samples of one tap, by its pilot.
            b.write("sweep", cell | tap << 24)
            b.write("sweep_powers", POWERS[cell][0])
            b.write("sweep_count", 1)
            b.write("lock_control", 2)
            for _ in range(40):
                b.say("t 5000")
                if not b.read("lock_status", "sweep_busy"):
                    break
            assert b.read("lock_status", "sweep_silent") == 0
            high, low = b.read("sweep_high"), b.read("sweep_low")
            assert high == low
            seen[2 * cell + tap] = high / levels[2 * cell + tap]
    # The light that the pilot makes, of that tap and no other: the same multiple of each.
    print(seen)
    assert set(seen) == {0, 1, 10, 11}
    assert len(set(seen.values())) == 1
    assert seen[0] > 0
    b.write("interrupt_mask", 0)
    b.say("a dout0")
    b.say("t 4000")
    assert b.read("pins.status", "adc_failed") == 1
    assert b.read("pins.adc[0]", "kind") == adc_bank.Kind.LOW
    assert b.outputs()[0] == 1
    assert b.read("status", "parked") == 0
    # without samples a sweep says so
    b.write("lock_probe", 2 | 50 << 16)
    b.write("lock_control", 2)
    b.say("t 30000")
    assert b.read("lock_status", "sweep_silent") == 1
    b.say("a none")
    b.write("pins.control", 2)
    b.say("t 4000")
    assert b.read("pins.status", "adc_failed") == 0
    assert b.outputs()[0] == 0


@pytest.mark.parametrize("drive", ["pwm", "sigma_delta"])
def test_heaters_on_switches_have_the_power_of_their_state(drive):
    dut = Board(2, 6, 100.0, drive=drive, neighbours=0, settle_us=0.0)
    address = {register.name: register.address for register in dut.description.registers}
    clocks = 63 if drive == "pwm" else 64

    async def bench(ctx):
        async def write(name, data):
            assert await axi_lite.write(ctx, dut.csr, address[name], data) == 0

        async def high():
            count = 0
            for _ in range(clocks):
                count += ctx.get(dut.heaters)
                await ctx.tick()
            return count

        assert ctx.get(dut.supply_off) == 1
        for item, power in ((Field.BAR, 20 << 10), (Field.CROSS, 50 << 10)):
            await write("table_address", int(item) << 16)
            await write("table_data", power)
        for wanted, power in (((0, 1), 20), ((1, 0), 50)):
            for i, to in enumerate(wanted):
                await write(f"destination[{i}]", 256 | to)
            await write("control", COMMIT)
            await ctx.tick().repeat(400)
            assert ctx.get(dut.done) == 1
            assert ctx.get(dut.supply_off) == 0
            assert await high() == power
        await write("control", PARK)
        await ctx.tick().repeat(3)
        assert await high() == 0
        assert ctx.get(dut.supply_off) == 1

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()


def test_ports_and_registers_of_each_drive(tmp_path):
    own = {
        "parallel": {"dac_codes": 60},
        "pwm": {"heaters": 6},
        "sigma_delta": {"heaters": 6},
        "spi": {"dac_sdi": 1, "dac_sdo": 1, "adc_dout": 1, "light": 4, "light_out": 4},
    }
    assert tuple(own) == DRIVES
    for drive, widths in own.items():
        made = Board(4, 10, 100.0, drive=drive)
        manifest, description = made.generate(tmp_path / drive), made.description
        ports = {port.name: port.width for port in manifest.ports}
        assert widths.items() <= ports.items()
        assert ("dac_codes" in ports) == (drive == "parallel")
        assert ("pins.status" in {r.name for r in description.registers}) == (drive == "spi")
        assert manifest.registers == description.manifest()
        free = {port.name for port in manifest.ports if port.direction == "in" and not port.domain}
        more = {"light", "light_out", "dac_sdo", "adc_dout"} if drive == "spi" else set()
        assert free == {"clk", "rst"} | more


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_bad_parameters_are_refused():
    with pytest.raises(ValueError, match="drive = 'i2c'; allowed: parallel, pwm, sigma_delta, spi"):
        Board(4, 10, 100.0, drive="i2c")
    with pytest.raises(ValueError, match="devices = 0; allowed: an integer from 1 to 16"):
        Board(4, 10, 100.0, devices=0)
    gc.collect()
