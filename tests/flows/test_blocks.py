"""Blocks that can be generated alone: each is made, in the clock domains it has."""

from pathlib import Path

import pytest

from lightloom.flows import blocks
from lightloom.spec import Design, DesignError

SMALL = Design.model_validate(
    {"name": "small", "serdes": {"lanes": 2, "symbols_per_clock": 16, "rx_ffe_taps": 1}}
)
FEC = {name for name in blocks.names() if name.startswith(("rs_", "fec_"))}
"""Their size is not the design's; their own tests make them."""
PARTS = [name for name in blocks.names() if name not in FEC and name not in blocks.TOPS]


@pytest.mark.parametrize("name", PARTS)
def test_every_part_is_made(name: str, tmp_path: Path) -> None:
    made = blocks.generate(name, SMALL, tmp_path)
    assert f"module {name}(" in (tmp_path / made.manifest.verilog).read_text()
    domains = ("sync", "rx") if name in ("elastic_buffer", "partner", "skp_buffer") else ("sync",)
    assert made.manifest.domains in (domains, ())


def test_ports_of_two_domains_are_told_apart(tmp_path: Path) -> None:
    found = blocks.generate("elastic_buffer", SMALL, tmp_path).manifest
    domains = {port.name: port.domain for port in found.ports}
    assert domains["i_valid"] == domains["overflow"] == "rx"
    assert domains["o__valid"] == domains["slot"] == "sync"
    assert domains["rx_clk"] == ""


def test_an_unknown_block_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match="block nope: unknown; allowed: serdes, ocs_controller"):
        blocks.generate("nope", SMALL, tmp_path)
