"""Every proof is listed, once, and says what it claims."""

import importlib
import pkgutil

from lightloom.rtl import proofs
from lightloom.rtl.proofs.catalogue import PROOFS


def test_every_module_with_proofs_is_listed():
    found = []
    for module in pkgutil.iter_modules(proofs.__path__):
        if module.name != "catalogue":
            made = importlib.import_module(f"{proofs.__name__}.{module.name}")
            found += getattr(made, "PROOFS", ())
    assert sorted(p.key for p in found) == sorted(p.key for p in PROOFS)


def test_names_are_different_and_claims_are_one_line():
    assert len({proof.key for proof in PROOFS}) == len(PROOFS)
    for proof in PROOFS:
        assert proof.claim
        assert "\n" not in proof.claim
        assert proof.key == proof.key.lower()
