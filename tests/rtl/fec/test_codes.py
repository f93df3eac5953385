import pytest

from lightloom.rtl.fec.codes import KP4, KR4, Code


def test_the_codes_of_the_standard():
    assert (KP4.n, KP4.k, KP4.t, KP4.parity) == (544, 514, 15, 30)
    assert (KR4.n, KR4.k, KR4.t, KR4.parity) == (528, 514, 7, 14)
    assert (KP4.words(16), KP4.beats(16), KP4.words(68), KR4.words(16)) == (34, 33, 8, 33)


@pytest.mark.parametrize(
    ("n", "k", "message"),
    [
        (1023, 993, r"n = 1023; allowed: 3 to 955"),
        (544, 513, r"k = 513; allowed: 1 to 542, n - k even"),
        (20, 0, r"k = 0; allowed: 1 to 18, n - k even"),
    ],
)
def test_sizes_are_checked(n, k, message):
    with pytest.raises(ValueError, match=message):
        Code("bad", n, k)
