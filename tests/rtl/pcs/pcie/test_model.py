"""Golden lane models: frames through a line with errors, one lane, no hardware."""

import pytest

from lightloom.rtl.pcs import deframer, framer
from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.frames import Collector
from lightloom.rtl.pcs.pcie import ordered_sets as sets
from lightloom.rtl.pcs.pcie.lock import blocks
from lightloom.rtl.pcs.pcie.model import RxModel, TxModel
from lightloom.rtl.pcs.pcie.rows import spread
from lightloom.rtl.pcs.row import RowKind, gather

ERROR = (Kind.ERROR, Kind.ERROR)


def row(kind, data=0, count=0):
    return spread(kind, count, 1)[0], data, 0x0300_0002


def line(rows):
    model = TxModel(2)
    return [block for one in rows for block in model.row(*one)]


def receive(parts):
    """Rows of blocks of 130 bits, errors and all."""
    stream = sum(part << 130 * n for n, part in enumerate(parts))
    model = RxModel()
    rows = [model.block(*part) for part in blocks(stream, 130 * len(parts))]
    return [one for one in rows if one is not None]


def frames_of(rows):
    model, out = deframer.Model(2), Collector(2)
    for kinds, data in rows:
        kind, count = gather(list(kinds))
        for word in model.row(kind, data, count):
            out.word(*word)
    return out.frames


def send(frames, rng, *, marker_every=50, idle=0.1):
    model, rows = framer.Model(2), [row(RowKind.MARKER)]
    for frame in frames:
        for one in [(RowKind.IDLE, 0, 0), *model.rows(frame)]:
            while rng.random() < idle:
                rows.append(row(RowKind.IDLE))
            if rng.random() < 1 / marker_every:
                rows.append(row(RowKind.MARKER))
            rows.append(row(*one))
    return line([*rows, row(RowKind.MARKER)])


def test_frames_come_back(rng):
    frames = [rng.randbytes(rng.randint(1, 90)) for _ in range(100)]
    assert frames_of(receive(send(frames, rng))) == [(frame, False) for frame in frames]


def test_random_errors_change_nothing_but_the_bits_they_hit(rng):
    """A frame that comes without error has a sent frame's length and the errors' bits alone."""
    frames = [n.to_bytes(4, "big") + rng.randbytes(rng.randint(1, 90)) for n in range(800)]
    parts = send(frames, rng)
    hit = 0
    for n in range(4, len(parts)):
        for _ in range(rng.choice([0] * 100 + [1, 1, 2, 3])):
            parts[n] ^= 1 << rng.randrange(130)
            hit += 1
    got = frames_of(receive(parts))
    good = [frame for frame, error in got if not error]
    assert len(good) > 400
    assert len(got) - len(good) > 10
    place = flipped = 0
    for frame in good:

        def distance(sent, frame=frame):
            return (int.from_bytes(sent) ^ int.from_bytes(frame)).bit_count()

        while len(frames[place]) != len(frame) or distance(frames[place]) > 12:
            place += 1
        flipped += distance(frames[place])
        place += 1
    assert 0 < flipped < hit


def damaged(at, mask, *, rows=None):
    """Rows of a frame with one block changed; block 0 to 3 are the first marker."""
    rows = rows or [
        row(RowKind.MARKER),
        row(RowKind.START),
        *[row(RowKind.DATA, n + 1) for n in range(4)],
        row(RowKind.IDLE),
        *[row(RowKind.DATA, n + 9) for n in range(2)],
        row(RowKind.IDLE),
        row(RowKind.DATA, 20),
        row(RowKind.MARKER),
        row(RowKind.DATA, 21),
        row(RowKind.END, 5, 3),
        row(RowKind.IDLE),
    ]
    parts = line(rows)
    parts[at] ^= mask
    # The first two blocks are the EIEOS sets.
    return receive(parts)


def test_a_wrong_data_bit_passes():
    assert damaged(5, 1 << 50)[3] == ((Kind.DATA, Kind.DATA), 1 ^ 1 << 48)


def changes(at, mask):
    """Rows that are not what they are without the damage; all of them ERROR."""
    clean, got = damaged(at, 0), damaged(at, mask)
    assert len(clean) == len(got)
    bad = [n for n, row in enumerate(got) if row != clean[n]]
    assert all(got[n][0] == ERROR for n in bad)
    return bad


@pytest.mark.parametrize("at", [*range(5, 17), 18, 20])
def test_one_wrong_bit_in_a_header_spoils_its_row_alone(at):
    assert changes(at, 1) == changes(at, 2) == [at - 2]


@pytest.mark.parametrize("at", [9, 12, 14, 15, 16, 17])
def test_one_wrong_bit_anywhere_in_a_set_spoils_its_row_alone(at):
    """SKP sets, EIEOS and TS2. Symbols inside a SKP set do not matter."""
    for bit in range(130):
        inside = at in (9, 12, 16) and 10 <= bit < 98
        assert changes(at, 1 << bit) == ([] if inside else [at - 2])


def test_what_may_be_a_skp_set_makes_data_doubtful():
    """Half of its symbols wrong: it was one, so the next does not agree and EIEOS must come."""
    mask = sum(0xFF << 2 + 8 * n for n in range(6))
    assert changes(9, mask) == [7, 8, 9, 10, 11]


def test_another_state_in_a_skp_set_is_not_believed():
    """The next set has the right one."""
    assert changes(9, 0xFFF << 110) == [7, 8, 9]
    assert changes(9, 0b111 << 110) == [7]


def test_a_wrong_bit_anywhere_in_the_set_of_an_end_damages_the_frame():
    for bit in range(130):
        rows = [row(RowKind.MARKER), row(RowKind.START), row(RowKind.DATA, 1)]
        rows += [row(RowKind.END, 5, 3), row(RowKind.MARKER)]
        got = frames_of(damaged(6, 1 << bit, rows=rows))
        assert not any(not error for _, error in got)


def test_a_marker_tells_whether_a_frame_is_open():
    """An END that is lost does not turn idle into data beyond the next marker."""
    rows = [row(RowKind.MARKER), row(RowKind.START), row(RowKind.END), row(RowKind.IDLE)]
    rows += [row(RowKind.MARKER), row(RowKind.IDLE), row(RowKind.IDLE)]
    kinds = [kinds for kinds, _ in damaged(5, 0b100, rows=rows)]
    assert kinds[3] == ERROR
    assert kinds[-2:] == [(Kind.IDLE, Kind.IDLE)] * 2


def test_a_lane_with_another_seed_is_learnt_after_one_marker():
    rows = [row(RowKind.MARKER), *[row(RowKind.IDLE)] * 3]
    parts = line(rows)
    other = TxModel(5)
    for _ in range(3):
        parts += [block for one in rows for block in other.row(*one)]
    kinds = [kinds for kinds, _ in receive(parts)]
    assert kinds[-4:] == [(Kind.MARKER, Kind.MARKER), *[(Kind.IDLE, Kind.IDLE)] * 3]
    assert ERROR in kinds


def test_no_lock_without_a_known_seed():
    parts = line([row(RowKind.MARKER), *[row(RowKind.IDLE)] * 3])
    parts[2] = sets.skp(0x123456) << 2 | sets.HEADER_SET
    assert receive(parts) == []
