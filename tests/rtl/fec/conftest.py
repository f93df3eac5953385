import random
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent


def pytest_configure(config):
    # A component that refuses its parameters was made and never used; it is collected at any time.
    config.addinivalue_line("filterwarnings", "ignore::amaranth.hdl.UnusedElaboratable")


@pytest.fixture
def rng():
    """Random numbers from a seed that a failing test prints."""
    seed = random.getrandbits(32)
    print("seed", seed)
    return np.random.default_rng(seed)


@pytest.fixture(scope="session")
def source():
    """Function that joins a C++ bench of this folder, its helpers and constants."""

    def source(name, **constants):
        lines = "".join(f"constexpr int {key} = {value};\n" for key, value in constants.items())
        return (HERE / "symbols.h").read_text() + lines + (HERE / name).read_text()

    return source


@pytest.fixture(scope="session")
def corners():
    """Function that gives messages that are special: zero, ones, one symbol or one bit."""

    def corners(code):
        one = [[0] * at + [1] + [0] * (code.k - at - 1) for at in (0, 1, code.k // 2, code.k - 1)]
        return [[0] * code.k, [1023] * code.k, *one, list(range(1, code.k + 1))]

    return corners
