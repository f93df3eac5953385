"""SSPRQ against the published sequence and its own structure."""

import gc
import hashlib
from itertools import groupby

import pytest

from lightloom.rtl.pma import gray, ssprq


def test_model_is_the_published_sequence():
    """SHA-256 of the levels, a byte each, of the file SSPRQ_sequence.csv of IEEE 802.3.

    As quoted, with the counts, by public projects that test against that file.
    """
    levels = ssprq.symbols()
    digest = hashlib.sha256(bytes(levels)).hexdigest()
    assert digest == "f17f5effb8e68863e5355258186456e1c3b3c48b5519c1a0c46dac855fae3582"
    assert [levels.count(level) for level in range(4)] == [15215, 17553, 17552, 15215]
    assert "".join(map(str, levels[:32])) == "22222222222221322222222222212212"


def test_runs_are_the_pattern():
    """Each run is inverted PRBS31 and the turned ones have the first bits of pairs inverted."""
    line = ssprq.bits()
    assert gray.to_levels(line) == list(ssprq.symbols())
    assert len(ssprq.RUNS) == 12
    assert sum(run.length for run in ssprq.RUNS) == len(line) == 2 * ssprq.SYMBOLS
    start = 0
    for run in ssprq.RUNS:
        plain = [
            1 ^ bit ^ (run.turned and k % 2 == 0)
            for k, bit in enumerate(line[start : start + run.length], start)
        ]
        assert all(plain[k] == plain[k - 31] ^ plain[k - 28] for k in range(31, run.length))
        start += run.length


def test_structure_of_the_clause():
    line = ssprq.bits()
    turned = [bit ^ (k % 2 == 0) for k, bit in enumerate(line)]
    sequence = line[:32768]
    assert turned[32768:65536] == sequence
    assert line[65536:98302] == sequence[1:-1]
    assert turned[98302:] == [sequence[-1], *sequence[:-1]]


def test_the_mark_is_the_only_one():
    runs = [(level, len(list(group))) for level, group in groupby(ssprq.symbols())]
    assert [n for level, n in runs if level == 2 and n >= 15] == [15]


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("width", [0, 3, 1026])
def test_bad_parameters_are_refused(width):
    message = f"width is {width}; allowed: an even number from 2 to 1024"
    with pytest.raises(ValueError, match=message):
        ssprq.Reference(width=width)
    gc.collect()  # so that the refused component warns here and not in another test
