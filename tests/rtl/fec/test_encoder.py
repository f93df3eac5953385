"""The encoder against the golden model and two other libraries, at every number of symbols."""

import json
import subprocess
import sys

import numpy as np
import pytest
import reedsolo
from amaranth.sim import Simulator

from lightloom.rtl.fec.codes import KP4, KR4, Code
from lightloom.rtl.fec.encoder import Encoder
from lightloom.rtl.fec.model import encode, syndromes
from lightloom.rtl.verilog import emit

SMALL = Code("small", 31, 23)
GENERATORS = {
    "kp4": [523, 834, 128, 158, 185, 127, 392, 193, 610, 788, 361, 883, 503, 942, 385, 495, 720, 94,
            132, 593, 249, 282, 565, 108, 1, 552, 230, 187, 552, 575, 1],
    "kr4": [432, 290, 945, 265, 592, 391, 614, 900, 925, 656, 32, 701, 6, 904, 1],
}  # fmt: skip
"""Of reference texts, that of x^0 first."""


def simulate(code, symbols, messages, rng=None):
    """Codewords of `messages`; handshakes are random when there is `rng`, else always high."""
    dut = Encoder(code, symbols)
    beats = [
        sum(int(s) << 10 * j for j, s in enumerate(message[at : at + symbols]))
        for message in messages
        for at in range(0, code.k, symbols)
    ]
    words = len(messages) * code.words(symbols)
    out, clocks = [], []

    async def source(ctx):
        for beat in beats:
            while rng is not None and rng.random() < 0.3:
                ctx.set(dut.i_valid, 0)
                await ctx.tick()
            ctx.set(dut.i, beat)
            ctx.set(dut.i_valid, 1)
            await ctx.tick().until(dut.i_ready)
        ctx.set(dut.i_valid, 0)

    async def sink(ctx):
        clock = 0
        while len(out) < words:
            ready = rng is None or rng.random() < 0.7
            ctx.set(dut.o_ready, int(ready))
            sample = dut.o_valid, dut.o, dut.o_first, dut.o_count
            _, _, valid, o, first, count = await ctx.tick().sample(*sample)
            if valid and ready:
                at = len(out) % code.words(symbols)
                assert first == (at == 0)
                last = at == code.words(symbols) - 1
                assert count == (code.n - at * symbols if last else symbols)
                out.append([o >> 10 * j & 1023 for j in range(count)])
                assert o >> 10 * count == 0
                clocks.append(clock)
            clock += 1

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(source)
    sim.add_testbench(sink)
    sim.run_until(1e-6 * (4 * words + 20))
    assert len(out) == words
    if rng is None:
        assert clocks == list(range(dut.latency, dut.latency + words))
    symbols_out = [s for word in out for s in word]
    return [symbols_out[at : at + code.n] for at in range(0, len(symbols_out), code.n)]


def reference(code):
    """Encoder of another library."""
    return reedsolo.RSCodec(
        code.parity, nsize=1023, fcr=0, prim=0x409, generator=2, c_exp=10
    ).encode


PARALLEL = [(KP4, p) for p in (2, 4, 8, 16, 34)] + [(KR4, p) for p in (2, 4, 8, 16, 22, 33)]


@pytest.mark.parametrize(("code", "symbols"), PARALLEL, ids=lambda x: getattr(x, "name", x))
def test_codewords_without_a_gap_equal_reedsolo(code, symbols, rng, corners):
    messages = [*rng.integers(0, 1024, (2, code.k)).tolist(), corners(code)[2]]
    got = simulate(code, symbols, messages)
    other = reference(code)
    for message, word in zip(messages, got, strict=True):
        assert word == encode(code, message)
        assert word == list(other(message))


@pytest.mark.parametrize("code", [KP4, KR4], ids=lambda code: code.name)
def test_the_golden_model_equals_reedsolo_and_the_published_generator(code, rng, corners):
    assert list(code.generator) == GENERATORS[code.name]
    other = reference(code)
    for message in [*corners(code), *rng.integers(0, 1024, (5, code.k)).tolist()]:
        word = encode(code, message)
        assert word == list(other(message))
        assert syndromes(code, word) == [0] * code.parity


@pytest.mark.parametrize("symbols", [1, 3, 5, 7, 10, 15, 16, 23])
def test_handshakes_lose_and_repeat_nothing_at_widths_that_do_not_divide(symbols, rng):
    messages = rng.integers(0, 1024, (12, SMALL.k)).tolist()
    expected = [encode(SMALL, message) for message in messages]
    assert simulate(SMALL, symbols, messages) == expected
    assert simulate(SMALL, symbols, messages, rng) == expected


@pytest.mark.parametrize(("code", "symbols"), [(KP4, 68), (KP4, 23), (KR4, 67)])
def test_other_widths(code, symbols, rng):
    messages = rng.integers(0, 1024, (2, code.k)).tolist()
    got = simulate(code, symbols, messages, rng)
    assert got == [encode(code, message) for message in messages]


def test_thousands_of_messages_compiled(verilate, source, rng, corners):
    main = source("encode.cpp", N=KP4.n, K=KP4.k, P=16)
    binary = verilate(Encoder(KP4, 16), "encoder", main)
    messages = np.array([*corners(KP4), *rng.integers(0, 1024, (2000, KP4.k))], dtype=np.uint16)
    expected = parity_by_matrix(KP4, messages)
    for valid, ready in ((100, 100), (60, 70)):
        done = subprocess.run(
            [binary, "5", str(valid), str(ready)],
            input=messages.tobytes(), capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        got = np.frombuffer(done.stdout, dtype=np.uint16).reshape(-1, KP4.n)
        assert np.array_equal(got[:, : KP4.k], messages)
        assert np.array_equal(got[:, KP4.k :], expected)


def parity_by_matrix(code, messages):
    """Parity of each message as the product with the parity of the unit messages, over GF(2)."""
    weights = 1 << np.arange(10)
    zeros = [0] * (code.k - 1)
    # Ten unit messages are enough: the parity of x * message follows from that of message.
    rows = [np.array([list(reference(code)([*zeros, bit]))[code.k :] for bit in weights.tolist()])]
    low = np.array(code.generator[-2::-1])
    for _ in zeros:
        last = rows[-1]
        shifted = np.concatenate([last[:, 1:], np.zeros_like(last[:, :1])], axis=1)
        rows.append(shifted ^ product(last[:, :1], low[None, :]))
    matrix = np.concatenate(rows[::-1])
    bits = (messages[:, :, None] // weights & 1).reshape(len(messages), -1).astype(np.float32)
    outputs = (matrix[:, :, None] // weights & 1).reshape(len(matrix), -1).astype(np.float32)
    parity = (bits @ outputs).astype(np.int64) & 1
    return (parity.reshape(len(messages), code.parity, 10) * weights).sum(axis=2)


def product(a, b):
    """Products in GF(2^10) of arrays, by shift and add."""
    a, b = np.broadcast_arrays(a, b)
    out, a = np.zeros_like(a), a.copy()
    for bit in range(10):
        out ^= a * (b >> bit & 1)
        a = a << 1
        a ^= 0x409 * (a >> 10)
    return out


@pytest.mark.slow
@pytest.mark.parametrize("option", ["", "-nowidelut"])
def test_sixteen_symbols_of_kp4_take_fewer_than_9000_lut4(option, tmp_path):
    emit(Encoder(KP4, 16), "encoder", directory=tmp_path)
    (tmp_path / "script.ys").write_text(
        f"read_verilog encoder.v\nsynth_ecp5 -top encoder -noiopad {option}\n"
        "tee -q -o stat.json stat -json\n"
    )
    run = "from pyosys.libyosys import Design, run_pass; run_pass('script script.ys', Design())"
    subprocess.run(
        [sys.executable, "-c", run],
        cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    cells = json.loads((tmp_path / "stat.json").read_text())["design"]["num_cells_by_type"]
    # A carry pair fills two sites; nothing else that holds a LUT may appear.
    assert set(cells) <= {"LUT4", "CCU2C", "PFUMX", "L6MUX21", "TRELLIS_FF"}
    assert 0 < cells["LUT4"] + 2 * cells.get("CCU2C", 0) < 9000


@pytest.mark.parametrize("symbols", [0, 69])
def test_symbols_are_checked(symbols):
    with pytest.raises(ValueError, match=rf"symbols = {symbols}; allowed: 1 to 68"):
        Encoder(KP4, symbols)


def test_the_model_checks_the_length():
    with pytest.raises(ValueError, match=r"3 symbols; a message of kp4 has 514"):
        encode(KP4, [1, 2, 3])
