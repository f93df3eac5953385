import random

import pytest


@pytest.fixture
def rng():
    """Random numbers from a seed that a failing test prints."""
    seed = random.getrandbits(32)
    print("seed", seed)
    return random.Random(seed)
