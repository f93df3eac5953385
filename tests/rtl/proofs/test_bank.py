"""Register banks do what their description says, and keep the rules of the bus."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from lightloom.rtl.csr.rdl import load
from lightloom.rtl.proofs.bank import PROOFS, described

SAMPLE = Path(__file__).parents[1] / "csr" / "sample.rdl"


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.key)
def test_it_holds_reaches_its_covers_and_sees_its_fault(proof, decide):
    result = decide(proof)
    assert result.verdict == "pass", result.reason


def test_it_holds_for_every_kind_of_field(decide):
    sample = partial(described, description=lambda: load(SAMPLE, "sample"))
    result = decide(replace(PROOFS[0], name="described_sample", build=sample))
    assert result.verdict == "pass", result.reason
