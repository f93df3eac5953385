import pytest

from lightloom.photonics.reproduction.published import Chip, load


@pytest.fixture(scope="session")
def chips():
    """Published chips by name."""
    return {chip.name: chip for chip in load().chip}


@pytest.fixture(scope="session")
def made_up():
    """A chip that nobody published, small enough to compute at once."""

    def build(**changes):
        values = {
            "name": "made-up",
            "title": "Made up",
            "source": "Nobody",
            "kind": "switch",
            "design": {"switch.topology": "benes", "switch.ports": 4},
            "remarks": (),
            "figures": (),
        }
        return Chip.model_validate({**values, **changes})

    return build
