"""Formats: bounds that the arithmetic relies on, and refusals."""

import itertools

import pytest

from lightloom.rtl.pma.formats import RxFormat


@pytest.mark.parametrize("taps", [1, 2, 3, 4, 5, 9, 16])
@pytest.mark.parametrize("bits", [4, 6, 8])
def test_values_hold_the_worst_samples(bits, taps):
    c = RxFormat(sample_bits=bits, ffe_taps=taps)
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    shift = c.COEFFICIENT_FRACTION - c.FRACTION_BITS
    corners = []
    for main, side in itertools.product((low, high), (low, high)):
        for tap in (-c.TAP_LIMIT, c.TAP_LIMIT - 1):
            total = (main << c.COEFFICIENT_FRACTION) + (taps - 1) * tap * side
            corners.append((total + (1 << (shift - 1))) >> shift)
    assert -(2 ** (c.value_bits - 1)) <= min(corners)
    assert max(corners) < 2 ** (c.value_bits - 1)


def test_every_format_has_its_symbols_in_the_word_and_shifts_to_the_left():
    for width, bits, modulation, steps in itertools.product(
        (8, 16, 33, 64, 128), range(4, 9), ("nrz", "pam4"), (32, 64, 128)
    ):
        for observed in [0, *(2**k for k in range(2, 7) if 2**k <= width // 2)]:
            c = RxFormat(
                width=width,
                sample_bits=bits,
                modulation=modulation,
                phase_steps=steps,
                observed=observed,
            )
            assert c.observed < c.width
            assert c.proportional_shift >= 0


def test_taps_stand_around_the_main_one():
    places = [RxFormat(ffe_taps=taps).offsets for taps in (1, 2, 3, 5, 6, 9, 16)]
    assert places[:4] == [(), (-1,), (-1, 1), (-1, 1, 2, 3)]
    assert places[4:6] == [(-2, -1, 1, 2, 3), (-3, -2, -1, 1, 2, 3, 4, 5)]
    assert places[6] == (-3, -2, -1, *range(1, 13))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"width": 7}, "width is 7; allowed: 8 to 128"),
        ({"sample_bits": 9}, "sample_bits is 9; allowed: 4 to 8"),
        ({"ffe_taps": 0}, "ffe_taps is 0; allowed: 1 to 16"),
        ({"ffe_taps": 17}, "ffe_taps is 17; allowed: 1 to 16"),
        ({"modulation": "pam3"}, "modulation is pam3; allowed: nrz, pam4"),
        ({"observed": 12}, "observed is 12; allowed: a power of two from 4 to 32"),
        ({"observed": 64}, "observed is 64; allowed: a power of two from 4 to 32"),
        ({"sets": 17}, "sets is 17; allowed: 0 to 16"),
        ({"phase_steps": 48}, "phase_steps is 48; allowed: 32, 64, 128"),
    ],
)
def test_bad_formats_are_refused(keywords, message):
    with pytest.raises(ValueError, match=message):
        RxFormat(**keywords)
