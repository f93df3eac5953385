"""Maps change at one edge, and a commit loses nothing that can stay."""

import pytest

from lightloom.rtl.proofs.commit import PROOFS


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.key)
def test_it_holds_reaches_its_covers_and_sees_its_fault(proof, decide):
    result = decide(proof)
    assert result.verdict == "pass", result.reason
