"""All proofs, in the order in which they are shown."""

from lightloom.rtl.proofs import (
    bank,
    block_lock,
    bring_up,
    chip_lock,
    codes,
    codeword_lock,
    commit,
    deskew,
    drive,
    elastic_buffer,
    fixed_ways,
    gearbox,
    guard,
    in_band,
    narrow,
    pair_order,
    path_sequence,
    protection,
    router,
)
from lightloom.rtl.proofs.bench import Proof

__all__ = ["PROOFS"]

PROOFS: tuple[Proof, ...] = (
    *gearbox.PROOFS,
    *codes.PROOFS,
    *block_lock.PROOFS,
    *pair_order.PROOFS,
    *codeword_lock.PROOFS,
    *commit.PROOFS,
    *router.PROOFS,
    *fixed_ways.PROOFS,
    *deskew.PROOFS,
    *bring_up.PROOFS,
    *narrow.PROOFS,
    *elastic_buffer.PROOFS,
    *guard.PROOFS,
    *protection.PROOFS,
    *path_sequence.PROOFS,
    *in_band.PROOFS,
    *bank.PROOFS,
    *drive.PROOFS,
    *chip_lock.PROOFS,
)
