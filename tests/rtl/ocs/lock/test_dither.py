"""The dither lock in Verilator against its golden model; light that goes, changes, parks."""

import random

import pytest

from lightloom.rtl.ocs.lock.model import DitherModel, Settings, probe_sum

PORTS, CELLS = 4, 6


def number(bits):
    return sum(bit << n for n, bit in enumerate(bits))


def lights(rng):
    """Readings of each tap by half and level; some cells have little light."""
    table = {}
    for channel in range(2 * CELLS):
        weak = rng.random() < 0.1
        for half in (0, 1):
            low = rng.randrange(1500)
            table[channel, half, 0] = low
            table[channel, half, 1] = low + (rng.randrange(3) if weak else rng.randrange(200, 2500))
    return table


@pytest.mark.parametrize("seed", range(6))
def test_rounds_follow_the_golden_model(locks, seed):
    rng = random.Random(seed)
    print("seed", seed)
    model = DitherModel("benes", PORTS)
    settings = Settings(
        gain=rng.choice([4, 8, 12]),
        step=rng.choice([50, 900, 5000]),
        limit=rng.choice([400, 9000, 32767]),
        floor=rng.choice([100, 9000]),
        tolerance=rng.choice([10, 30000]),
    )
    lines, expected, states = [*locks.start(), *locks.set(**vars(settings))], [], [0] * CELLS
    before = dict(model.integrators)
    for _ in range(6):
        if rng.random() < 0.6:
            states = [rng.randrange(2) for _ in range(CELLS)]
        light = [rng.random() < 0.7 for _ in range(PORTS)]
        table = lights(rng)
        lines += locks.set(states=number(states), light=number(light))
        lines += ["pulse change", "run 30"]
        lines += [f"tap {c} {h} {level} {v}" for (c, h, level), v in table.items()]
        visits = model.round(
            states,
            light,
            lambda c, _s, tap, half, table=table: probe_sum(
                table[2 * c + tap, half, 1], table[2 * c + tap, half, 0], 1, 2
            ),
            settings,
        )
        integrators = model.integrators
        expected += [["t", c, s, before[c, s] >> 8] for c, s in enumerate(states)]
        before = dict(integrators)
        for v in visits:
            if v.trim is not None:
                expected.append(["t", v.cell, states[v.cell], v.trim])
            expected.append(["v", v.cell, v.source, int(v.held), int(v.limited), v.error])
        expected.append(["e", int(model.locked)])
        lines.append("round 9000")
    found = locks(lines)[CELLS:]  # without the first writes after reset
    for got, want in zip(found, expected, strict=True):
        if want[0] == "v" and want[3]:
            got, want = got[:4], want[:4]  # of a cell that is held the error says nothing
        assert got == want


def test_light_that_goes_away_holds_the_trims(locks):
    lines = [
        *locks.start(),
        *locks.set(gain=8, step=5000, limit=9000, floor=9000, tolerance=10),
    ]
    lines += [*locks.set(states=0, light=0b1111), "pulse change", "run 30"]
    for c in range(2 * CELLS):
        lines += [f"tap {c} {half} {level} {600 + level * (900 + 300 * half * (c % 2))}"
                  for half in (0, 1) for level in (0, 1)]  # fmt: skip
    moved = locks([*lines, "round 9000"])
    trims = {row[1]: row[3] for row in moved if row[0] == "t"}
    assert any(trims.values())
    # No light said, no light seen, and no samples: each keeps them.
    dark = [f"tap {c} {half} {level} 600" for c in range(2 * CELLS) for half in (0, 1)
            for level in (0, 1)]  # fmt: skip
    for lost in (locks.set(light=0), dark, locks.set(mute=3)):
        found = locks([*lines, "round 9000", *lost, "round 9000"])
        after = found[len(moved) :]
        cell = [row for row in after if row[0] == "t" and row[1] == 1]
        assert cell == []
        assert [row[1:] for row in after if row[0] == "e"] == [[int(lost[0] == "set light 0")]]
    # They come back with a change to the other state and one back.
    change = [
        *locks.set(states=63),
        "pulse change",
        "run 30",
        *locks.set(states=0),
        "pulse change",
    ]
    found = locks([*lines, "round 9000", *change, "run 30"])
    assert {row[1]: row[3] for row in found if row[0] == "t" and row[2] == 0} == trims
    assert {row[3] for row in found if row[0] == "t" and row[2] == 1} == {0}


def test_a_change_or_a_park_ends_a_measurement_without_a_move(locks):
    lines = [*locks.start(), *locks.set(gain=8, step=5000, limit=9000, floor=0, light=15)]
    lines += [f"tap {c} {half} {level} {500 * level + 99 * half}" for c in range(2 * CELLS)
              for half in (0, 1) for level in (0, 1)]  # fmt: skip
    for stop in ("pulse change", "set settled 0", "set enable 0"):
        found = locks([*lines, "set enable 1", "run 60", stop, "run 60", "set enable 0"])
        assert not [row for row in found if row[0] == "v"]
        assert {row[3] for row in found if row[0] == "t"} == {0}


def test_a_change_at_any_clock_writes_all_trims_before_a_visit(locks):
    # From the first writes after reset into the measurement of the second cell.
    lines = [*locks.set(**locks.settings, settled=1, enable=1, light=15)]
    for clock in range(2 * CELLS, 150):
        before = [*lines, f"run {clock}"]
        seen = len(locks(before))
        found = locks([*before, *locks.set(states=63), "pulse change", "run 80"])[seen:]
        assert [row[:3] for row in found[:CELLS]] == [["t", c, 1] for c in range(CELLS)]
