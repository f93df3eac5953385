"""Sweeps in Verilator against the valley that they look for."""

import pytest

from lightloom.rtl.ocs.lock.model import probe_sum


@pytest.mark.parametrize(("valley", "tap"), [(20000, 0), (41000, 1)])
def test_a_sweep_finds_the_valley(locks, valley, tap):
    lines = [
        *locks.start(),
        *locks.set(valley=valley, sweep_cell=2, sweep_source=3, sweep_tap=tap),
    ]
    lines += [*locks.set(sweep_first=1000, sweep_step=500, sweep_count=120, sweep_threshold=4000)]
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
    lines = [
        *locks.start(),
        *locks.set(valley=65000, sweep_cell=1, sweep_first=60000, sweep_step=1000),
    ]
    lines += [*locks.set(sweep_count=100, sweep_threshold=4000), "pulse sweep_start"]
    (answer,) = (row[1:] for row in locks([*lines, "run 9000"]) if row[0] == "s")
    # Powers up to 65000: the valley is cut off.
    assert answer[3:] == [65000, 60000, 65000 - 3 * 1000, 65000, 1, 1, 1]
    (answer,) = (row[1:] for row in locks([*lines, "set mute 2", "run 9000"]) if row[0] == "s")
    assert answer[0] == 1


def test_a_sweep_that_is_stopped_as_it_starts_does_nothing(locks):
    lines = [*locks.start(), *locks.set(sweep_count=5, sweep_start=1, sweep_stop=1), "run 1"]
    after = [*locks.set(sweep_start=0, sweep_stop=0), "run 900"]
    assert locks([*lines, *after]) == locks(lines)
