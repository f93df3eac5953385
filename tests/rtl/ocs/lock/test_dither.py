"""The dither lock and the sweep in Verilator against golden models and closed forms."""

import random
import subprocess
from pathlib import Path

import pytest

from lightloom.rtl.ocs.lock.locks import Locks
from lightloom.rtl.ocs.lock.model import DitherModel, Settings, probe_sum

PORTS, CELLS = 4, 6
SETTINGS = {"groups": 1, "repeats": 2, "guard": 3, "patience": 40, "wait": 9, "amplitude": 80}


@pytest.fixture(scope="module")
def locks(verilate):
    main = Path(__file__).with_name("lock.cpp").read_text()
    binary = verilate(Locks("benes", PORTS), "locks", f"#define CELLS {CELLS}\n" + main)

    def run(lines):
        done = subprocess.run(
            [binary], input="\n".join(lines), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return [[w if k == 0 else int(w) for k, w in enumerate(line.split())]
                for line in done.stdout.splitlines()]  # fmt: skip

    return run


def setting(**values):
    return [f"set {name} {value}" for name, value in values.items()]


def start():
    # Clearing and the first writes of trims take 4 * cells clocks and a few.
    return [*setting(**SETTINGS, settled=1), "run 40"]


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
    lines, expected, states = [*start(), *setting(**vars(settings))], [], [0] * CELLS
    before = dict(model.integrators)
    for _ in range(6):
        if rng.random() < 0.6:
            states = [rng.randrange(2) for _ in range(CELLS)]
        light = [rng.random() < 0.7 for _ in range(PORTS)]
        table = lights(rng)
        lines += setting(states=number(states), light=number(light))
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
    lines = [*start(), *setting(gain=8, step=5000, limit=9000, floor=9000, tolerance=10)]
    lines += [*setting(states=0, light=0b1111), "pulse change", "run 30"]
    for c in range(2 * CELLS):
        lines += [f"tap {c} {half} {level} {600 + level * (900 + 300 * half * (c % 2))}"
                  for half in (0, 1) for level in (0, 1)]  # fmt: skip
    moved = locks([*lines, "round 9000"])
    trims = {row[1]: row[3] for row in moved if row[0] == "t"}
    assert any(trims.values())
    # No light said, no light seen, and no samples: each keeps them.
    dark = [f"tap {c} {half} {level} 600" for c in range(2 * CELLS) for half in (0, 1)
            for level in (0, 1)]  # fmt: skip
    for lost in (setting(light=0), dark, setting(mute=3)):
        found = locks([*lines, "round 9000", *lost, "round 9000"])
        after = found[len(moved) :]
        cell = [row for row in after if row[0] == "t" and row[1] == 1]
        assert cell == []
        assert [row[1:] for row in after if row[0] == "e"] == [[int(lost[0] == "set light 0")]]
    # They come back with a change to the other state and one back.
    change = [*setting(states=63), "pulse change", "run 30", *setting(states=0), "pulse change"]
    found = locks([*lines, "round 9000", *change, "run 30"])
    assert {row[1]: row[3] for row in found if row[0] == "t" and row[2] == 0} == trims
    assert {row[3] for row in found if row[0] == "t" and row[2] == 1} == {0}


def test_a_change_or_a_park_ends_a_measurement_without_a_move(locks):
    lines = [*start(), *setting(gain=8, step=5000, limit=9000, floor=0, light=15)]
    lines += [f"tap {c} {half} {level} {500 * level + 99 * half}" for c in range(2 * CELLS)
              for half in (0, 1) for level in (0, 1)]  # fmt: skip
    for stop in ("pulse change", "set settled 0", "set enable 0"):
        found = locks([*lines, "set enable 1", "run 60", stop, "run 60", "set enable 0"])
        assert not [row for row in found if row[0] == "v"]
        assert {row[3] for row in found if row[0] == "t"} == {0}


@pytest.mark.parametrize(("valley", "tap"), [(20000, 0), (41000, 1)])
def test_a_sweep_finds_the_valley(locks, valley, tap):
    lines = [*start(), *setting(valley=valley, sweep_cell=2, sweep_source=3, sweep_tap=tap)]
    lines += [*setting(sweep_first=1000, sweep_step=500, sweep_count=120, sweep_threshold=4000)]
    lines += ["pulse sweep_start", "run 40000"]
    (answer,) = (row[1:] for row in locks(lines) if row[0] == "s")
    powers = [1000 + 500 * k for k in range(120)]
    sums = [probe_sum(abs(p - valley) // 16, 0, 1, 2) for p in powers]
    below = [p for p, s in zip(powers, sums, strict=True) if s < 4000]
    assert answer == [
        0, min(sums), max(sums), powers[sums.index(min(sums))], powers[sums.index(max(sums))],
        below[0], below[-1], 1, 0, 1,
    ]  # fmt: skip
    assert (below[0] + below[-1]) / 2 == valley


def test_a_sweep_ends_at_the_last_power_and_without_samples(locks):
    lines = [*start(), *setting(valley=65000, sweep_cell=1, sweep_first=60000, sweep_step=1000)]
    lines += [*setting(sweep_count=100, sweep_threshold=4000), "pulse sweep_start"]
    (answer,) = (row[1:] for row in locks([*lines, "run 9000"]) if row[0] == "s")
    # Powers up to 65000: the valley is cut off.
    assert answer[3:] == [65000, 60000, 65000 - 3 * 1000, 65000, 1, 1, 1]
    (answer,) = (row[1:] for row in locks([*lines, "set mute 2", "run 9000"]) if row[0] == "s")
    assert answer[0] == 1


def test_a_sweep_that_is_stopped_as_it_starts_does_nothing(locks):
    lines = [*start(), *setting(sweep_count=5, sweep_start=1, sweep_stop=1), "run 1"]
    after = [*setting(sweep_start=0, sweep_stop=0), "run 900"]
    assert locks([*lines, *after]) == locks(lines)


def test_a_change_at_any_clock_writes_all_trims_before_a_visit(locks):
    # From the first writes after reset into the measurement of the second cell.
    lines = [*setting(**SETTINGS, settled=1, enable=1, light=15)]
    for clock in range(2 * CELLS, 150):
        before = [*lines, f"run {clock}"]
        seen = len(locks(before))
        found = locks([*before, *setting(states=63), "pulse change", "run 80"])[seen:]
        assert [row[:3] for row in found[:CELLS]] == [["t", c, 1] for c in range(CELLS)]
