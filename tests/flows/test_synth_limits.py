"""Limits: what exceeds them, how they are renewed, and the file they are kept in."""

from pathlib import Path

import pytest

from lightloom.flows import blocks, synth_limits
from lightloom.flows.synth_limits import LOWER, UPPER, around, exceeded, read, write
from lightloom.spec import DesignError

FIGURES = {"cells": 100, "depth": 9, "ecp5_lut4": 41, "ecp5_ff": 0, "ecp5_fmax_mhz": 123.46}


def test_a_figure_at_its_limit_keeps_it() -> None:
    assert exceeded("b", FIGURES, dict(FIGURES), {}) == []


@pytest.mark.parametrize(
    ("limit", "line"),
    [
        ({"cells": 99}, "b: cells = 100, limit 99"),
        ({"depth": 8}, "b: depth = 9, limit 8"),
        ({"ecp5_lut4": 40.5}, "b: ecp5_lut4 = 41, limit 40.5"),
        ({"ecp5_fmax_mhz": 123.5}, "b: ecp5_fmax_mhz = 123.46, floor 123.5"),
    ],
)
def test_a_figure_beyond_its_limit_is_named(limit: dict[str, float], line: str) -> None:
    assert exceeded("b", FIGURES, limit, {}) == [line]


def test_a_figure_that_is_gone_counts_unless_its_tool_is_not_there() -> None:
    lost = {"ecp5_fmax_mhz": None}
    limit = {"ecp5_fmax_mhz": 100.0}
    why = {"ecp5_fmax_mhz": "needs 200 multipliers, the device has 156"}
    assert exceeded("b", lost, limit, why) == [
        "b: ecp5_fmax_mhz is missing, limit 100: needs 200 multipliers, the device has 156"
    ]
    assert exceeded("b", lost, limit, {"ecp5_fmax_mhz": "x is not installed: pip"}) == []


def test_renewed_limits_have_their_margin_and_hold_what_was_measured() -> None:
    found = around({**FIGURES, "ecp5_dsp": None, "area": 7.0})
    assert found == {
        "cells": 105, "depth": 10, "ecp5_lut4": 44, "ecp5_ff": 0, "ecp5_fmax_mhz": 111.1,
    }  # fmt: skip
    assert exceeded("b", FIGURES, found, {}) == []


def test_the_file_returns_what_was_written(tmp_path: Path) -> None:
    limits = {"a": around(FIGURES), "b_2": {"cells": 1234567.0, "ecp5_fmax_mhz": 0.5}}
    write(limits, tmp_path / "l.toml")
    assert read(tmp_path / "l.toml") == limits
    assert [p.name for p in tmp_path.iterdir()] == ["l.toml"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a", "l.toml: not TOML: "),
        ("a = 1", "l.toml: a; allowed: a table for each block"),
        ("[a]\nlut = 1", "l.toml: a.lut: unknown figure; allowed: cells, depth, "),
        ("[a]\ncells = -1", "l.toml: a.cells = -1; allowed: numbers from 0"),
        ("[a]\ncells = true", "l.toml: a.cells = True; allowed: numbers from 0"),
        ("[a]\ncells = 'x'", "l.toml: a.cells = 'x'; allowed: numbers from 0"),
        ("[a]\ncells = nan", "l.toml: a.cells = nan; allowed: numbers from 0"),
    ],
)
def test_a_bad_file_names_the_place(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "l.toml").write_text(text)
    with pytest.raises(DesignError) as error:
        read(tmp_path / "l.toml")
    assert message in str(error.value)


def test_a_file_that_is_not_there_or_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match=r"none\.toml: cannot be read: No such file"):
        read(tmp_path / "none.toml")
    with pytest.raises(DesignError, match="cannot be written: No such file"):
        write({}, tmp_path / "none" / "l.toml")


def test_the_shipped_limits_are_of_blocks_that_exist_and_whole() -> None:
    limits = read(synth_limits.SHIPPED)
    assert set(limits) <= set(blocks.names())
    for name, table in limits.items():
        assert set(UPPER) <= set(table) <= set(UPPER + LOWER), name
