import os
import random

import pytest


@pytest.fixture(autouse=True)
def _seed():
    """The same random numbers at every run; LIGHTLOOM_TEST_SEED chooses others."""
    random.seed(int(os.environ.get("LIGHTLOOM_TEST_SEED", "1")))
