import random

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In


def pytest_configure(config):
    # A component that refuses its parameters was made and never used; it is collected at any time.
    config.addinivalue_line("filterwarnings", "ignore::amaranth.hdl.UnusedElaboratable")


@pytest.fixture
def rng():
    """Random numbers from a seed that a failing test prints."""
    seed = random.getrandbits(32)
    print("seed", seed)
    return random.Random(seed)


class CoderPair(wiring.Component):
    """Transmit and receive coder side by side; the channel is in the program."""

    def __init__(self, tx, rx):
        self.tx, self.rx = tx, rx
        members = {}
        for side, unit in (("tx", tx), ("rx", rx)):
            for name, member in unit.signature.members.items():
                members[f"{side}_{name}"] = member
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        m.submodules.tx, m.submodules.rx = self.tx, self.rx
        for side, unit in (("tx", self.tx), ("rx", self.rx)):
            for name, member in unit.signature.members.items():
                inner, outer = getattr(unit, name), getattr(self, f"{side}_{name}")
                m.d.comb += inner.eq(outer) if member.flow == In else outer.eq(inner)
        return m


@pytest.fixture(scope="session")
def coder_pair():
    """`CoderPair` of a transmit and a receive coder: ports `tx_...` and `rx_...`."""
    return CoderPair
