"""Protection of a chip asks for what it may, visits end, failover ends."""

import pytest

from lightloom.rtl.proofs.protection import PROOFS


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.key)
def test_it_holds_reaches_its_covers_and_sees_its_fault(proof, decide):
    result = decide(proof)
    assert result.verdict == "pass", result.reason
