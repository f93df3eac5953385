"""The seam between the rows of a link and the line code of one lane.

A coder of a lane takes or gives rows: some blocks of 64 bits with their kinds (`pcs.block`) in one
slot. `pcs.eth_lane` says what each member does; every line code has the same.
"""

from amaranth.lib.wiring import In, Member, Out

from lightloom.rtl.pcs.scrambler import STATE_BITS

__all__ = ["receive", "transmit"]


def transmit(blocks: int, bits: int) -> dict[str, Member]:
    """Members of a transmit coder of `blocks` blocks a row and `bits` line bits a clock."""
    return {
        "kinds": In(4 * blocks),
        "data": In(64 * blocks),
        "marker": In(32),
        "seed": In(STATE_BITS),
        "run": In(1),
        "slot": Out(1),
        "word": Out(bits),
    }


def receive(blocks: int, bits: int, errors: int = 1) -> dict[str, Member]:
    """Members of a receive coder that sees header errors in `errors` bits a clock."""
    return {
        "i": In(bits),
        "i_valid": In(1),
        "run": In(1),
        "locked": Out(1),
        "kinds": Out(4 * blocks),
        "data": Out(64 * blocks),
        "valid": Out(1),
        "header_errors": Out(errors),
    }
