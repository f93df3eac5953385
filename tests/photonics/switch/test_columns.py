"""Columns of a fabric: what a single column draws, detours of exactly the length asked for."""

import pytest

from lightloom.photonics.assembly import Assembly, Cursor
from lightloom.photonics.cells import mzi
from lightloom.photonics.devices import C_BAND, DRIVE_HEADROOM, O_BAND
from lightloom.photonics.switch.columns import BEND_UM, LEAD_UM, RISE_UM, Columns, Line, drive_ma
from lightloom.photonics.switch.router import Load, wiring
from lightloom.spec.fabrics import Cells, Crossings, Move

PARTS = mzi.parts(0.2, None, 200.0, 0.0)


@pytest.fixture
def fabric(request):
    """A fabric of four slots, the first `n` of them live."""
    assembly = Assembly(f"columns_{abs(hash(request.node.name)):x}")
    made = []

    def of(live=(0, 1, 2, 3), match=False):
        loads = [Load(column, 5.0, 7.5) for column in range(3)]
        columns = Columns(assembly, 4, 40.0, PARTS, wiring(loads), match, False, (1.0,) * 3)
        for slot in live:
            cursor = Cursor((f"start{slot}", "o1"), 0.0, columns.y(slot))
            columns.lines[slot] = Line(cursor)
        made.append(columns)
        return columns

    yield of
    assembly.component.delete()


def kinds(columns):
    types = [instance.type for instance in columns.assembly.netlist.instances.values()]
    return {kind: types.count(kind) for kind in set(types)}


def test_slots_count_from_the_north(fabric):
    assert [fabric().y(slot) for slot in range(4)] == [60.0, 20.0, -20.0, -60.0]


def test_a_column_of_cells(fabric):
    columns = fabric()
    columns.draw([Cells(0, (0, 2))])
    assert kinds(columns) == {"coupler2x2": 4, "heater_waveguide": 2}
    assert [site.label for site in columns.cells] == ["h0_0", "h0_1"]
    assert {line.cursor.x_um for line in columns.lines.values()} == {columns.x}
    assert columns.metal_um > columns.cells[0].ground[1]


def test_unused_arms_are_terminated(fabric):
    columns = fabric(live=(0,))
    columns.draw([Cells(0, (0,)), Move(((1, 2),))])
    # One before the cell, one where the line that goes nowhere ends.
    assert kinds(columns)["terminator"] == 2
    assert list(columns.lines) == [2]
    assert columns.lines[2].cursor.y_um == columns.y(2)


def test_a_crossing_swaps_its_lines(fabric):
    columns = fabric()
    first, second = columns.lines[1], columns.lines[2]
    columns.draw([Crossings((1,))])
    assert columns.lines[1] is second
    assert columns.lines[2] is first
    assert kinds(columns) == {"crossing": 1}


@pytest.mark.parametrize("column", [Cells(0, (1,)), Crossings((0,)), Cells(0, (2,), (0,))])
def test_matched_columns_are_equally_long(fabric, column):
    columns = fabric(match=True)
    columns.draw([column])
    ways = [line.travelled_um for line in columns.lines.values()]
    assert max(ways) - min(ways) < 0.005
    assert len({line.cursor.x_um for line in columns.lines.values()}) == 1


@pytest.mark.parametrize("extra", [0.0, 0.01, 1.0, 12.0, 25.0, 140.0, 900.0])
def test_a_detour_is_as_long_as_asked(fabric, extra):
    columns = fabric(live=(0,))
    cursor = columns.lines[0].cursor
    columns.detour(cursor, extra, 0.0, RISE_UM)
    assert cursor.length_um - cursor.x_um == pytest.approx(extra, abs=0.003)
    assert cursor.y_um == columns.y(0)


def test_a_short_detour_keeps_within_its_room(fabric):
    columns = fabric(live=(0,))
    cursor = columns.lines[0].cursor
    columns.detour(cursor, 8.0, 78.0, RISE_UM)
    assert 0 < cursor.x_um <= 78.0
    columns.detour(cursor, 8.0, 10.0, RISE_UM)  # no room for a gentle one: it takes more
    assert cursor.x_um > 78.0 + BEND_UM


def test_taps_have_a_photodiode_each(fabric):
    columns = fabric(live=(0, 3))
    columns.tap(list(columns.lines.values()), ["a", "b"], [True, False])
    assert kinds(columns) == {"coupler2x2": 2, "photodiode": 2, "terminator": 2}
    assert [site.label for site in columns.monitors] == ["a", "b"]
    assert columns.monitors[0].signal[2] > columns.y(0) + 20.0
    assert columns.monitors[1].signal[2] < columns.y(3) - 20.0
    assert columns.clear_um > columns.x + LEAD_UM


def test_currents_follow_from_power_and_resistance():
    at_pi, most = drive_ma(PARTS.shifter, O_BAND)
    ohm = O_BAND.heater_ohm(200.0, 2.0)
    assert (at_pi * 1e-3) ** 2 * ohm * 1e3 == pytest.approx(O_BAND.heater_p_pi_mw(False))
    assert (most / at_pi) ** 2 == pytest.approx(DRIVE_HEADROOM)
    diode = mzi.parts(0.2, None, 200.0, 0.0, "pin", width=C_BAND.wire_width_um).shifter
    at_pi, _ = drive_ma(diode, C_BAND)
    assert at_pi * C_BAND.pin.voltage_v == pytest.approx(C_BAND.pin.p_pi_mw)
