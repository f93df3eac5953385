"""Golden models of the lane coder: rows to blocks and blocks to rows, symbol by symbol."""

from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.pcie import ordered_sets as sets
from lightloom.rtl.pcs.pcie import scrambler
from lightloom.rtl.pcs.pcie.coder import LIKE_EIEOS, LIKE_SKP, NEAR, UNLIKE_SKP
from lightloom.rtl.pcs.pcie.rows import end_kinds

__all__ = ["RxModel", "TxModel"]

Pair = tuple[Kind, Kind]
_FIRST_SYMBOL = 0xFF


class TxModel:
    """Golden model of `coder.PcieTx`: blocks (130 bits, header first) of each row."""

    def __init__(self, lane: int) -> None:
        """Start as after reset."""
        self.seed = self.state = scrambler.seed(lane)
        self.in_frame = False

    def _block(self, header: int, payload: int, spare: int = -1) -> int:
        payload ^= scrambler.key(self.state) & ~spare & ((1 << 128) - 1)
        self.state = scrambler.advance(self.state)
        return header | payload << 2

    def _data(self, payload: int) -> int:
        return self._block(sets.HEADER_DATA, payload, 0)

    def _set(self, payload: int) -> int:
        return self._block(sets.HEADER_SET, payload)

    def _skp(self) -> int:
        return sets.HEADER_SET | sets.skp(self.state) << 2

    def row(self, kinds: int, data: int = 0, marker: int = 0) -> list[int]:
        """Take a row."""
        if kinds & 8:
            code = kinds & 7 | kinds >> 1 & 0x38
            self.in_frame = False
            blocks = [self._set(sets.end(code))]
            return [*blocks, self._data(data)] if code & sets.FOLLOW else blocks
        kind = kinds & 7
        if kind == Kind.DATA:
            return [self._data(data)]
        if kind == Kind.IDLE:
            return [self._skp() if self.in_frame else self._data(0)]
        if kind == Kind.START:
            self.in_frame = True
            return [self._set(sets.SDS)]
        if kind == Kind.MARKER:
            blocks = [self._set(sets.EIEOS)] * 2
            self.state = self.seed
            blocks.append(self._skp())
            ts2 = sets.marker(marker, self.in_frame)
            return [*blocks, self._block(sets.HEADER_SET, ts2, _FIRST_SYMBOL)]
        self.in_frame = False
        return [self._set(sets.ERROR)]


class RxModel:
    """Golden model of `coder.PcieRx` behind `lock.blocks`: a row for each block, from lock on."""

    def __init__(self) -> None:
        """Start with the block after the first EIEOS."""
        self.seed: int | None = None
        self.state = 0
        self.trusted = False
        self.after_eieos = True
        self.locked = False
        self.in_frame = False
        self.code: int | None = None
        self.bad = 0

    def block(self, length: int, block: int) -> tuple[Pair, int] | None:
        """Take a block; returns kinds and data, None before lock."""
        code, self.code = self.code, None
        kinds, data = self._decode(length, block, code)
        return (kinds, data) if self.locked else None

    def _decode(self, length: int, block: int, code: int | None) -> tuple[Pair, int]:
        idle, error = (Kind.IDLE, Kind.IDLE), (Kind.ERROR, Kind.ERROR)
        header, payload = block & 3, block >> 2
        after_eieos, self.after_eieos = self.after_eieos, False
        is_set = header == sets.HEADER_SET
        ended = payload >> (length - 34) & 0xFF == sets.SKP_END
        if is_set and ended and payload & 0xFF == sets.ID_SKP:
            good = self._skp(payload >> (length - 26), after_eieos)
            self.bad += not good
            return (idle if good else error), 0
        symbols = payload.to_bytes(16, "little")
        skips = symbols[:12].count(sets.ID_SKP)
        if skips >= LIKE_SKP:
            self.bad += 1
            return error, 0
        if header != sets.HEADER_DATA and skips >= UNLIKE_SKP:
            self.trusted = False
        key, self.state = scrambler.key(self.state), scrambler.advance(self.state)
        if header == sets.HEADER_DATA:
            data = payload ^ key
            if not self.trusted:
                return error, 0
            if code is not None:
                return end_kinds(code), data
            if self.in_frame:
                return (Kind.DATA, Kind.DATA), data
            return (idle if data == 0 else error), data
        eieos = sets.EIEOS.to_bytes(16, "little")
        if sum(a == b for a, b in zip(symbols, eieos, strict=True)) >= LIKE_EIEOS:
            self.after_eieos = True
            self.trusted = self.seed is not None
            self.state = self.seed or 0
            whole = is_set and symbols == eieos
            self.bad += not whole
            return (idle if whole else error), 0
        if is_set and payload == sets.SDS:
            self.in_frame = True
            return (Kind.START, Kind.START), 0
        if is_set and payload == sets.ERROR:
            self.in_frame = False
            return error, 0
        if is_set and payload & 0xFF == sets.ID_TS2:
            found = sets.marker_word(payload ^ key & ~_FIRST_SYMBOL)
            if self.trusted and found is not None:
                self.in_frame = found[1]
                return (Kind.MARKER, Kind.MARKER), found[0]
            self.bad += 1
            return error, 0
        end = payload >> 8 & 0x3F
        bare = end in (sets.EMPTY, sets.NONE)
        if is_set and payload == sets.end(end) and end & 31 <= sets.NONE and (end & 32 or bare):
            self.in_frame = False
            if end & sets.FOLLOW:
                self.code = end
                return idle, 0
            return end_kinds(end), 0
        self.bad += 1
        return error, 0

    def _skp(self, tail: int, after_eieos: bool) -> bool:
        first, middle, last = (tail >> 8 * n & 0xFF for n in range(3))
        value = (first & 0x7F) << 16 | middle << 8 | last
        whole = first >> 7 != first >> 6 & 1
        if self.seed is None:
            self.trusted = after_eieos and whole and value in scrambler.SEEDS
            if self.trusted:
                self.seed = self.state = value
                self.locked = True
            return self.trusted
        wrong = (value ^ self.state).bit_count() + (first >> 7 == self.state >> 22)
        if wrong == 0:
            self.trusted = True
            self.locked |= after_eieos
        elif wrong > NEAR:
            self.trusted = False
            if after_eieos:
                self.seed = None
        return wrong == 0
