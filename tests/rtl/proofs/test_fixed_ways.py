"""The router's answer leads light to its outputs, and a refusal says that no states would."""

import pytest

from lightloom.rtl.proofs.fixed_ways import PROOFS


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.key)
def test_it_holds_reaches_its_covers_and_sees_its_fault(proof, decide):
    result = decide(proof)
    assert result.verdict == "pass", result.reason
