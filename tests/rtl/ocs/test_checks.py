import pytest

from lightloom.rtl.ocs.checks import check_clock_mhz, check_integer


@pytest.mark.parametrize("value", [0, 17, 2.0, "3", None])
def test_what_is_no_integer_of_the_range_is_refused(value):
    with pytest.raises(ValueError, match=r"bits = .*; allowed: an integer from 1 to 16"):
        check_integer("bits", value, 1, 16)


@pytest.mark.parametrize("value", [0, -1.0, 10001.0])
def test_clocks_that_cannot_be_are_refused(value):
    with pytest.raises(ValueError, match=r"clock_mhz = .*; allowed: above 0, at most 10000"):
        check_clock_mhz(value)


def test_the_ends_of_a_range_are_in_it():
    for value in (1, 16):
        check_integer("bits", value, 1, 16)
    for value in (0.001, 10000):
        check_clock_mhz(value)
