import pytest

from lightloom.flows.formal import Solver, tools


@pytest.fixture(scope="session")
def decide():
    """What `lightloom formal` says of a proof: its claim, its covers, its fault."""
    return Solver(tools()).decide
