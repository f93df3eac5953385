"""Ordered sets: symbols, lengths, distances, EIEOS unlike itself at any other offset."""

import itertools

import pytest

from lightloom.rtl.pcs.pcie import ordered_sets as sets


def symbols(payload, count=16):
    return list(payload.to_bytes(count, "little"))


def test_eieos_is_a_slow_square_wave_and_like_itself_at_no_other_offset():
    block = sets.EIEOS << 2 | sets.HEADER_SET
    line = [block >> n & 1 for n in range(130)]
    assert [len(list(run)) for _, run in itertools.groupby(line)] == [1, 33, 32, 32, 32]
    for shift in range(1, 129):
        assert line[shift:] != line[: 130 - shift]
    # Also in a row of them, where the bits before are known.
    twice = line * 3
    starts = [n for n in range(261) if twice[n : n + 130] == line]
    assert starts == [0, 130, 260]


@pytest.mark.parametrize("skips", [4, 8, 12, 16, 20])
def test_skp_carries_the_state_at_its_end(skips):
    got = symbols(sets.skp(0x4ABCDE, skips), skips + 4)
    assert got[:skips] == [0x99] * skips
    assert got[skips:] == [0xE1, 0x4A, 0xBC, 0xDE]
    assert symbols(sets.skp(0x0ABCDE, skips), skips + 4)[-3:] == [0x8A, 0xBC, 0xDE]
    assert 2 + 8 * (skips + 4) in sets.SKP_LENGTHS


def test_lengths_of_skp_sets():
    assert sets.SKP_LENGTHS == (66, 98, 130, 162, 194)


def test_ordered_sets_are_far_from_each_other():
    whole = [sets.EIEOS, sets.SDS, sets.ERROR]
    whole += [sets.end(code) for code in range(18)]
    whole += [sets.end(code | sets.FOLLOW) for code in range(18)]
    distance = min((a ^ b).bit_count() for a, b in itertools.combinations(whole, 2))
    assert distance >= 15
    # What the first symbol alone decides.
    ids = [0x00, 0x66, 0x1E, sets.ID_SKP, sets.ID_TS2, sets.ID_END, 0xE1]
    assert min((a ^ b).bit_count() for a, b in itertools.combinations(ids, 2)) >= 4


def test_marker_comes_back_and_one_wrong_bit_is_seen(rng):
    word = rng.getrandbits(32)
    payload = sets.marker(word, True)
    assert symbols(payload)[0] == 0x2D
    assert symbols(payload)[2] == word & 0xFF
    assert sets.marker_word(payload) == (word, True)
    assert sets.marker_word(sets.marker(word, False)) == (word, False)
    for bit in range(128):
        assert sets.marker_word(payload ^ 1 << bit) is None
