import pytest

from lightloom.rtl.ocs.drive.model import code, power_of


@pytest.mark.parametrize("dac_bits", [6, 8, 10, 12])
def test_the_power_of_a_code_gives_the_code_where_powers_are_fine_enough(dac_bits):
    step = 1 << dac_bits
    for wanted in range(step):
        error = abs(code(power_of(wanted, dac_bits), dac_bits) - wanted)
        # a power of 1 is a code of 2 ** (dac_bits - 8): below, codes lie apart
        assert error <= max(step >> 9, 0)
        if wanted >= step * step >> 17:
            assert error == 0
