"""Parameters: from a design, and refused when out of range."""

import pytest

from lightloom.rtl.link.config import Config
from lightloom.spec import design


def test_from_design_keeps_every_number():
    config = Config.from_design(design.Serdes())
    assert (config.lanes, config.symbols_per_clock, config.adc_bits) == (8, 64, 6)
    assert config.tx_ffe == (-4, 55, -4)  # -0.06, 0.88, -0.06 of 63 steps
    assert sum(config.limits) == 30000  # 60 us of 500 MHz
    assert config.word_bytes == 64
    assert config.rx_format.width == 64


def test_limits_follow_the_core_clock():
    config = Config.from_design(design.Serdes(baud_gbd=16, bring_up_timeout_us=100))
    assert sum(config.limits) == 25000  # 100 us of 250 MHz


def test_code_of_the_profile():
    serdes = design.Serdes(profile="100g-kp4", modulation="pam4", fec_interleave=2, lanes=3)
    config = Config.from_design(serdes)
    assert (config.bits, config.blocks, config.fec, config.word_bytes) == (128, 4, "kp4", 96)
    assert config.group_rows == 40
    assert config.marker_rows == 1040  # 1024 rounded up to whole groups
    assert Config(profile="pcie5").blocks == 2
    for symbols, blocks in ((8, 1), (64, 1), (128, 2)):
        config = Config.from_design(design.Serdes(lanes=3, symbols_per_clock=symbols))
        assert (config.blocks, config.word_bytes) == (blocks, 24 * blocks)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"lanes": 17}, "lanes = 17; allowed: 1 to 16"),
        ({"symbols_per_clock": 48}, "symbols_per_clock = 48; allowed: 8, 16, 32, 64, 128"),
        ({"fec_interleave": 3}, "fec_interleave = 3; allowed: 1, 2, 4"),
        ({"tx_ffe": (0, 9)}, "tx_ffe has 2 taps; allowed: 3 or 4"),
        (
            {"profile": "100g-kp4", "marker_rows": 90},
            "marker_rows = 90; allowed: multiples of 20, the rows of a group of codewords",
        ),
        ({"tx_dac_bits": 9}, "tx_dac_bits = 9; allowed: 5 to 8"),
        ({"tx_ffe": (0, 64, 0)}, "tx_ffe main = 64; allowed: -63 to 63"),
        ({"marker_rows": 32}, "marker_rows = 32; allowed: 64 to 16384"),
        ({"attempt_limit": 256}, "attempt_limit = 256; allowed: 0 to 255"),
        ({"limits": (1, 1, 0, 1, 1)}, "limit of equalize = 0; allowed: 1 to 4294967295"),
        ({"deskew_depth": 8}, "deskew_depth = 8; allowed: 16, 32, 64"),
        ({"adc_bits": 9}, "sample_bits is 9; allowed: 4 to 8"),
    ],
)
def test_parameters_are_checked(parameters, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Config(**parameters)
