"""The members that every line code has."""

from amaranth.lib.wiring import Flow

from lightloom.rtl.pcs import seam


def test_what_one_side_gives_the_other_takes():
    tx, rx = seam.transmit(4, 128), seam.receive(4, 128, errors=2)
    for name in ("kinds", "data"):
        assert tx[name].shape == rx[name].shape
        assert (tx[name].flow, rx[name].flow) == (Flow.In, Flow.Out)
    assert tx["word"].shape == rx["i"].shape == 128
    assert (tx["kinds"].shape, tx["data"].shape, rx["header_errors"].shape) == (16, 256, 2)
