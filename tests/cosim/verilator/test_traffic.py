import ctypes
import subprocess

import numpy as np
import pytest

from lightloom.cosim.verilator import build, traffic

WORD_BYTES = 64
COUNT_BITS = 7


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("traffic") / "libtraffic.so"
    source = build.HERE / "traffic.cpp"
    subprocess.run(["g++", "-O1", "-shared", "-fPIC", "-o", path, source], check=True)
    return ctypes.CDLL(str(path))


def carry(library, *, damage=lambda number, word: word, word_bytes=WORD_BYTES):
    """Move every word of side 0 to side 1, one a nanosecond, through `damage`."""
    size = word_bytes // 4 + 1
    word = (ctypes.c_uint32 * size)()
    number = 0
    while library.lt_source(0, ctypes.c_double(number * 1e6), word):
        library.lt_taken(0, ctypes.c_double(number * 1e6))
        sent = damage(number, int.from_bytes(bytes(word), "little"))
        if sent is not None:
            back = (ctypes.c_uint32 * size).from_buffer_copy(sent.to_bytes(4 * size, "little"))
            library.lt_sink(1, ctypes.c_double(number * 1e6 + 5e6), back)
        number += 1
    return number


@pytest.mark.parametrize("size", [0, 1, 55, 56, 57, 2047, 2048, 2049, 100_000])
def test_a_file_of_any_size_arrives_whole(library, size):
    data = np.random.default_rng(size).bytes(size)
    link = traffic.Traffic(library, word_bytes=WORD_BYTES)
    link.load(0, data)
    words = carry(library)
    got = link.received(1)
    frames = max(1, -(-size // traffic.FRAME_BYTES))
    assert got.data == data
    assert (got.sent, got.good, got.errored, got.malformed) == (frames, frames, 0, 0)
    assert got.latency_ns == pytest.approx(np.full(frames, 5.0))
    full, rest = divmod(size, traffic.FRAME_BYTES)
    assert words == full * 33 + (-(-(rest + 8) // WORD_BYTES) if rest or not size else 0)


@pytest.mark.parametrize("word_bytes", [8, 24, 256, 512])
def test_words_of_any_width_carry_a_file(library, word_bytes):
    data = np.random.default_rng(word_bytes).bytes(5000)
    link = traffic.Traffic(library, word_bytes=word_bytes)
    link.load(0, data)
    words = carry(library, word_bytes=word_bytes)
    assert link.received(1).data == data
    assert words == 2 * -(-2056 // word_bytes) + -(-912 // word_bytes)


def test_wrong_bytes_count_in_delivered_frames_only(library):
    data = np.random.default_rng(8).bytes(5000)
    link = traffic.Traffic(library, word_bytes=WORD_BYTES)
    link.load(0, data)
    # a bit of the payload of frame 0; frame 1 is marked errored, its bytes stay 0
    error = 1 << (8 * WORD_BYTES + COUNT_BITS + 1)
    carry(library, damage=lambda n, word: word ^ {5: 1 << 77, 65: error}.get(n, 0))
    got = link.received(1)
    assert got.delivered.tolist() == [True, False, True]
    assert got.wrong_bytes(data) == 1
    assert got.wrong_bytes(data[:300]) == 0
    assert link.received(0).wrong_bytes(data) == 0


def test_a_frame_marked_errored_is_dropped_and_counted(library):
    data = bytes(range(256)) * 40
    link = traffic.Traffic(library, word_bytes=WORD_BYTES)
    link.load(0, data)
    error = 1 << (8 * WORD_BYTES + COUNT_BITS + 1)
    carry(library, damage=lambda number, word: word | error if number == 40 else word)
    got = link.received(1)
    # word 40 is in the middle of frame 1; its error bit counts only on the frame's last word
    assert (got.good, got.errored) == (5, 0)
    link = traffic.Traffic(library, word_bytes=WORD_BYTES)
    link.load(0, data)
    carry(library, damage=lambda number, word: word | error if number == 65 else word)
    got = link.received(1)
    assert (got.good, got.errored) == (4, 1)
    assert got.data is not None
    assert got.data[2048:4096] == bytes(2048)
    assert got.data[:2048] + got.data[4096:] == data[:2048] + data[4096:]


def test_a_damaged_header_cannot_write_outside_the_file(library):
    data = bytes(5000)
    for number in (0, 33):
        for bits in range(0, 64, 3):
            link = traffic.Traffic(library, word_bytes=WORD_BYTES)
            link.load(0, data)
            carry(library, damage=lambda n, w, at=number, b=bits: w ^ (1 << b) if n == at else w)
            got = link.received(1)
            assert got.good < 3 or got.data == data
            assert got.good + got.malformed + got.duplicated == 3


def test_repeated_and_lost_words_are_noticed(library):
    data = bytes(5000)
    link = traffic.Traffic(library, word_bytes=WORD_BYTES)
    link.load(0, data)
    carry(library, damage=lambda number, word: None if number == 5 else word)
    got = link.received(1)
    assert (got.good, got.malformed) == (2, 1)


def test_a_stream_stops_with_the_frame_that_it_is_at(library):
    data = np.random.default_rng(4).bytes(20 * traffic.FRAME_BYTES)
    link = traffic.Traffic(library, word_bytes=WORD_BYTES)
    link.load(0, data)

    def stop(number, word):
        if number == 40:  # of 33 words a frame
            link.stop()
        return word

    assert carry(library, damage=stop) == 66
    got = link.received(1)
    assert (got.sent, got.good, got.malformed) == (2, 2, 0)
    assert link.arrivals_us(1) == pytest.approx([5e-3, 38e-3])
    assert got.wrong_bytes(data) == 0
