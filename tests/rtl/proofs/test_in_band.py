"""An agreement ends, and nobody changes the path without the other's word."""

import pytest

from lightloom.rtl.proofs.in_band import PROOFS


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.key)
def test_it_holds_reaches_its_covers_and_sees_its_fault(proof, decide):
    result = decide(proof)
    assert result.verdict == "pass", result.reason
