"""Patterns against bit-serial generators, published values, and each other."""

import gc
import itertools
import random

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from lightloom.rtl.pma import gray, pattern, ssprq

ALL = tuple(pattern.PATTERNS)
QUATERNARY = ("prbs13q", "prbs31q", "ssprq")
BINARY = tuple(name for name in ALL if name != "ssprq")

# Exponents of the polynomials below the constant term, copied from the standards.
EXPONENTS = {
    "prbs7": (7, 6),
    "prbs9": (9, 5),
    "prbs11": (11, 9),
    "prbs13": (13, 12, 2, 1),
    "prbs15": (15, 14),
    "prbs23": (23, 18),
    "prbs31": (31, 28),
    "prbs13q": (13, 12, 2, 1),
    "prbs31q": (31, 28),
}


def serial(name, seed):
    """Bits of a shift register whose stage k holds the bit sent k clocks before."""
    exponents = EXPONENTS[name]
    stages = [seed >> (exponents[0] - k) & 1 for k in range(1, exponents[0] + 1)]
    while True:
        bit = sum(stages[k - 1] for k in exponents) % 2
        stages = [bit, *stages[:-1]]
        yield 1 - bit if name == "prbs31q" else bit


def pack(bits):
    return sum(bit << k for k, bit in enumerate(bits))


def words_of(bits, width):
    return [pack(bits[k : k + width]) for k in range(0, len(bits) - width + 1, width)]


def stream(name, length, seed=1, start=0):
    """Independent line bits: shift registers, and SSPRQ as its clause words it."""
    if name == "ssprq":
        period = ssprq.bits()
        return [period[(start + k) % len(period)] for k in range(length)]
    return list(itertools.islice(serial(name, seed), length))


@pytest.mark.parametrize("name", BINARY)
def test_model_is_the_shift_register(name):
    seed = 0x5A5A5A5A & ((1 << EXPONENTS[name][0]) - 1)
    assert pattern.line_bits(name, 300, seed) == stream(name, 300, seed)


def test_published_prbs13q():
    # IEEE Std 802.3-2022 clause 120.5.11.2.1: register 0000010101011 from S0 on, S0 is the newest.
    seed = pack([int(bit) for bit in "1101010100000"])
    levels = gray.to_levels(pattern.line_bits("prbs13q", 92, seed))
    assert "".join(map(str, levels)) == "1031320220111130103121231210012102121023131112"


def test_published_prbs31q():
    # Clause 120.5.11.2.2: from a register of ones.
    levels = gray.to_levels(pattern.line_bits("prbs31q", 100, 2**31 - 1))
    assert "".join(map(str, levels)) == "22222222222222012222222222220002222222222201201222"


def expected_words(name, width, count, seed=1, start=0):
    return words_of(stream(name, count * width, seed, start), width)


class Bench(wiring.Component):
    """Sources and checkers of several widths behind lines that turn bits."""

    def __init__(self):
        ports = {"select": In(2), "load": In(1), "seed": In(31)}
        for w in WIDTHS:
            ports |= {f"flip_{w}": In(w), f"o_{w}": Out(w), f"locked_{w}": Out(1)}
            ports |= {f"valid_{w}": Out(1), f"errors_{w}": Out(range(w + 1))}
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        for w in WIDTHS:
            m.submodules[f"source_{w}"] = source = pattern.Source(width=w, patterns=QUATERNARY)
            m.submodules[f"check_{w}"] = check = pattern.Check(width=w, patterns=QUATERNARY)
            m.d.comb += [
                source.enable.eq(1),
                source.load.eq(self.load),
                source.seed.eq(self.seed),
                source.select.eq(self.select),
                check.select.eq(self.select),
                check.enable.eq(1),
                check.i.eq(source.o ^ getattr(self, f"flip_{w}")),
                getattr(self, f"o_{w}").eq(source.o),
                getattr(self, f"locked_{w}").eq(check.locked),
                getattr(self, f"valid_{w}").eq(check.valid),
                getattr(self, f"errors_{w}").eq(check.errors),
            ]
        return m


# 10, 64 and 512 symbols.
WIDTHS = (20, 128, 1024)


@pytest.mark.slow
def test_wide_ones_in_verilator(trace):
    """Sources are the serial generators, SSPRQ over its whole period and into the next; then one
    turned bit in each word, place after place, bursts and a word wrong in all bits each count once.
    """
    seed = random.Random(4).getrandbits(31) | 1
    rng = random.Random(5)
    # Clocks until every checker has locked, and of errors after them.
    warm = {name: 131070 // 20 + 20 if name == "ssprq" else 250 for name in QUATERNARY}
    hurt = 1100
    columns = {"select": [], "load": [], "seed": seed, **{f"flip_{w}": [] for w in WIDTHS}}
    begins = []
    for number, name in enumerate(QUATERNARY):
        begins.append(len(columns["select"]) + 1)
        columns["select"] += [number] * (1 + warm[name] + hurt)
        columns["load"] += [1] + [0] * (warm[name] + hurt)
        for width in WIDTHS:
            flips = [1 << k % width for k in range(hurt)]
            flips[1024:] = [0] * (hurt - 1024)
            flips[1050] = 2**width - 1
            flips[1060:1062] = [rng.getrandbits(width), rng.getrandbits(width)]
            columns[f"flip_{width}"] += [0] * (1 + warm[name]) + flips
    names = [f"{name}_{w}" for w in WIDTHS for name in ("o", "locked", "valid", "errors")]
    result = trace(Bench(), columns, names)
    for width, (name, begin) in itertools.product(WIDTHS, zip(QUATERNARY, begins, strict=True)):
        sent = 131070 // width + 20 if name == "ssprq" else warm[name]
        expected = expected_words(name, width, sent, seed)
        assert result[f"o_{width}"][begin : begin + sent] == expected, (name, width)
        errors, start = result[f"errors_{width}"], begin + warm[name]
        assert sum(errors[begin:start]) == 0
        assert all(result[f"locked_{width}"][start - 5 : start + hurt - 1]), (name, width)
        assert all(result[f"valid_{width}"][start : start + hurt - 1])
        # Two clocks from a word to its count.
        counts = [flip.bit_count() for flip in columns[f"flip_{width}"]]
        assert errors[start : start + hurt - 1] == counts[start - 1 : start + hurt - 2]


def simulate(dut, clocks, inputs, outputs):
    """Outputs after each clock; an input is a number or a list."""
    result = {name: [] for name in outputs}

    async def process(ctx):
        for k in range(clocks):
            for name, value in inputs.items():
                ctx.set(getattr(dut, name), value[k] if isinstance(value, list) else value)
            await ctx.tick()
            for name in outputs:
                result[name].append(ctx.get(getattr(dut, name)))

    sim = Simulator(dut)
    sim.add_clock(1e-9)
    sim.add_testbench(process)
    sim.run()
    return result


@pytest.mark.parametrize("width", [1, 10, 64])
@pytest.mark.parametrize("name", BINARY)
def test_source_and_check_of_one_pattern(name, width):
    count = 400 if width == 1 else 60
    words = expected_words(name, width, count, 77)
    source = pattern.Source(width=width, patterns=("prbs7", name))
    load = [1, *[0] * count]
    inputs = {"select": 1, "load": load, "seed": 77, "enable": 1}
    result = simulate(source, count + 1, inputs, ["o"])
    assert result["o"][1:] == words
    at = count - 10
    words[at] ^= 1 << width - 1
    check = pattern.Check(width=width, patterns=("prbs7", name))
    result = simulate(check, count, {"select": 1, "enable": 1, "i": words}, ["locked", "errors"])
    assert result["locked"][-1]
    assert [k for k, errors in enumerate(result["errors"]) if errors] == [at + 1]
    assert sum(result["errors"]) == 1


@pytest.mark.parametrize(("width", "start"), [(2, 120100), (2, 131000), (256, 98000), (66, 119000)])
def test_ssprq_by_symbols_and_across_run_borders(width, start):
    """Found at its mark, right through the borders of runs after it."""
    count = 1200 if width == 2 else 12000 // width * 2
    words = expected_words("ssprq", width, count, start=start)
    reference = pattern.Source(width=width, patterns=("ssprq",))
    result = simulate(reference, 300, {"enable": 1}, ["o"])
    assert result["o"] == expected_words("ssprq", width, 300)
    check = pattern.Check(width=width, patterns=("ssprq",))
    result = simulate(check, count, {"enable": 1, "i": words}, ["locked", "errors"])
    assert sum(result["errors"]) == 0
    mark = -(-(120180 - start) // width)
    verify = -(-64 // width)
    seen = result["locked"].index(1) if 1 in result["locked"] else None
    # Nothing to find in the start of the pattern.
    assert seen == (mark + verify - 1 if start < 131000 else None)


def test_ssprq_slipped_is_lost_and_found_again():
    bits = stream("ssprq", 131070 * 2 + 40000, start=100000)
    words = words_of(bits[:60000] + bits[60002:], 1024)
    check = pattern.Check(width=1024, patterns=("ssprq",))
    result = simulate(check, len(words), {"enable": 1, "i": words}, ["locked", "errors"])
    locked = result["locked"]
    assert locked[58]
    lost = locked.index(0, 58)
    # In the window of 64 words that it fell into, or in the next.
    assert lost < 58 + 2 * 64
    assert locked[-1]
    assert sum(result["errors"][locked.index(1, lost) :]) == 0
    frozen = simulate(check, len(words), {"enable": 1, "freeze": 1, "i": words}, ["locked"])
    assert all(frozen["locked"][58:])


def test_a_dead_line_and_noise_never_lock():
    rng = random.Random(9)
    lines = ([0] * 80, [2**64 - 1] * 80, [rng.getrandbits(64) for _ in range(300)])
    for name, words in itertools.product(("prbs13q", "prbs31q", "ssprq"), lines):
        check = pattern.Check(width=64, patterns=(name,))
        result = simulate(check, len(words), {"enable": 1, "i": words}, ["locked"])
        assert not any(result["locked"])


def test_a_new_pattern_unlocks():
    words = expected_words("prbs15", 64, 40) + expected_words("prbs9", 64, 40)
    select = [0] * 40 + [1] * 40
    check = pattern.Check(width=64, patterns=("prbs15", "prbs9"))
    inputs = {"enable": 1, "select": select, "i": words}
    result = simulate(check, 80, inputs, ["locked", "errors"])
    assert result["locked"][39]
    assert not result["locked"][40]
    assert result["locked"][-1]
    assert sum(result["errors"]) == 0


def test_an_injected_error_is_one():
    source = pattern.Source(width=64, patterns=("ssprq", "prbs13q"))
    inject = [int(k in (30, 50)) for k in range(80)]
    inputs = {"enable": 1, "select": 1, "inject": inject}
    words = simulate(source, 80, inputs, ["o"])["o"]
    check = pattern.Check(width=64, patterns=("prbs13q",))
    assert sum(simulate(check, 80, {"enable": 1, "i": words}, ["errors"])["errors"]) == 2


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("kind", [pattern.Source, pattern.Check])
@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"width": 0}, "width is 0; allowed: 1 to 1024"),
        ({"width": 1025}, "width is 1025; allowed: 1 to 1024"),
        ({"width": 8, "patterns": ()}, "patterns is empty; allowed: some of prbs7, prbs9"),
        ({"width": 8, "patterns": ("prbs8",)}, "patterns is prbs8; allowed: some of prbs7, prbs9"),
        ({"width": 9, "patterns": ("ssprq",)}, "width is 9; allowed: an even number for ssprq"),
    ],
)
def test_bad_parameters_are_refused(kind, keywords, message):
    with pytest.raises(ValueError, match=message):
        kind(**keywords)
    gc.collect()  # so that the refused component warns here and not in another test
