"""Coders of every profile fit the seam: rows of `Config.blocks`, words of `Config.bits`."""

import pytest

from lightloom.rtl.link import coders
from lightloom.rtl.link.config import Config

PROFILES = [
    {"profile": "eth-64b66b", "symbols_per_clock": 8},
    {"profile": "eth-64b66b", "symbols_per_clock": 64},
    {"profile": "eth-64b66b", "symbols_per_clock": 128},
    {"profile": "pcie5", "symbols_per_clock": 8},
    {"profile": "pcie5", "symbols_per_clock": 128},
    {"profile": "100g-kp4", "modulation": "pam4", "symbols_per_clock": 128, "marker_rows": 80},
    {"profile": "100g-kp4", "modulation": "pam4", "fec_interleave": 4, "marker_rows": 80},
    {"profile": "100g-kr4", "symbols_per_clock": 8, "marker_rows": 80},
    {"profile": "xsr-raw", "modulation": "pam4", "symbols_per_clock": 8},
    {"profile": "xsr-raw", "symbols_per_clock": 128},
]


@pytest.mark.parametrize("parameters", PROFILES)
def test_members_are_those_of_the_seam(parameters):
    config = Config(lanes=3, **parameters)
    tx, rx = coders.transmit(config), coders.receive(config)
    blocks = config.blocks
    assert tx.blocks == rx.blocks == blocks
    assert (len(tx.kinds), len(tx.data), len(tx.word)) == (4 * blocks, 64 * blocks, config.bits)
    assert (len(tx.marker), len(tx.seed), len(tx.run), len(tx.slot)) == (32, 58, 1, 1)
    assert (len(rx.kinds), len(rx.data), len(rx.i)) == (4 * blocks, 64 * blocks, config.bits)
    assert len(rx.locked) == len(rx.valid) == len(rx.i_valid) == len(rx.run) == 1
    assert rx.header_errors is not None
    assert tx.latency > 0
    assert rx.latency > 0
    spread = coders.spread(config)
    assert len(spread.kinds) == 4 * blocks * 3
    if config.fec:
        assert len(rx.symbol_errors) <= 4
        assert len(rx.codeword) == len(rx.corrected) == len(rx.uncorrectable) == 1
