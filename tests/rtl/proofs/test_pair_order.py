"""Rows of two blocks leave as they were sent, and a slip by a block is told."""

import pytest

from lightloom.rtl.proofs.pair_order import PROOFS


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.key)
def test_it_holds_reaches_its_covers_and_sees_its_fault(proof, decide):
    result = decide(proof)
    assert result.verdict == "pass", result.reason
