"""Trims stay in their limits and need light; searches and sweeps end."""

import pytest

from lightloom.rtl.proofs.chip_lock import PROOFS


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.key)
def test_it_holds_reaches_its_covers_and_sees_its_fault(proof, decide):
    result = decide(proof)
    assert result.verdict == "pass", result.reason
