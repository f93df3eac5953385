"""All proofs, in the order in which they are shown."""

from lightloom.rtl.proofs import gearbox
from lightloom.rtl.proofs.bench import Proof

__all__ = ["PROOFS"]

PROOFS: tuple[Proof, ...] = (*gearbox.PROOFS,)
