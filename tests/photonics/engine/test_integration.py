import pytest

from lightloom.photonics import tech
from lightloom.photonics.engine import integration
from lightloom.spec.base import DesignError


def test_closer_integration_means_finer_bumps_and_less_copper():
    ways = [integration.INTEGRATIONS[name] for name in ("obo", "npo", "cpo", "3d")]
    copper = [way.copper_mm for way in ways]
    assert copper == sorted(copper, reverse=True)
    pitches = [way.pitch_um for way in ways[1:]]
    assert pitches == sorted(pitches, reverse=True)
    assert [way.contacts for way in ways] == ["pads", "bumps", "bumps", "bumps"]
    assert [way.over_devices for way in ways] == [False, False, False, True]


@pytest.mark.parametrize("pitch", [40.0, 45.0, 50.0, 130.0, 250.0])
def test_bumps_of_every_pitch_keep_the_rules(pitch):
    size = integration.bump_um(pitch)
    assert pitch - size >= integration.BUMP_SPACE_UM
    width = next(rule.value_um for rule in tech.RULES if rule.name == "BUMP.width")
    assert size >= width


def test_a_pitch_that_cannot_be_drawn_is_refused():
    way = integration.INTEGRATIONS["cpo"]
    assert integration.pitch_um(way, 0.0) == way.pitch_um
    assert integration.pitch_um(way, 55.0) == 55.0
    with pytest.raises(DesignError, match=r"engine\.bump_pitch_um = 20 with engine\.integration"):
        integration.pitch_um(way, 20.0)
