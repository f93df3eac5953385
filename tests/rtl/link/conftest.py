import random

import pytest


def pytest_configure(config):
    # A component that refuses its parameters was made and never used; it is collected at any time.
    config.addinivalue_line("filterwarnings", "ignore::amaranth.hdl.UnusedElaboratable")


@pytest.fixture
def rng():
    """Random numbers from a seed that a failing test prints."""
    seed = random.getrandbits(32)
    print("seed", seed)
    return random.Random(seed)
