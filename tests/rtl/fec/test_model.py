"""The golden model against two other libraries and the definition of the code."""

import galois
import numpy as np
import pytest
import reedsolo

from lightloom.rtl.fec.codes import KP4, KR4
from lightloom.rtl.fec.model import decode, encode, key_equation, syndromes


def damaged(word, weight, rng):
    out = list(word)
    for at in rng.choice(len(word), weight, replace=False):
        out[at] ^= int(rng.integers(1, 1024))
    return out


@pytest.mark.parametrize("code", [KP4, KR4], ids=lambda code: code.name)
def test_every_weight_against_reedsolo(code, rng):
    other = reedsolo.RSCodec(code.parity, nsize=1023, fcr=0, prim=0x409, generator=2, c_exp=10)
    word = encode(code, rng.integers(0, 1024, code.k).tolist())
    for weight in (0, 1, 2, code.t - 1, code.t):
        bad = damaged(word, weight, rng)
        assert decode(code, bad) == (word, weight)
        assert list(other.decode(bad)[1]) == word
    for weight in range(code.t + 1, code.t + 4):
        bad = damaged(word, weight, rng)
        assert decode(code, bad) == (bad, None)
        with pytest.raises(reedsolo.ReedSolomonError):
            other.decode(bad)


def test_galois_agrees_on_both_codes(rng, corners):
    field = galois.GF(2**10, irreducible_poly=0x409, primitive_element=2)
    for code in (KP4, KR4):
        other = galois.ReedSolomon(1023, 1023 - code.parity, field=field, alpha=2, c=0)
        messages = [*corners(code), *rng.integers(0, 1024, (3, code.k)).tolist()]
        words = np.array(other.encode(field(messages)))
        assert words.tolist() == [encode(code, message) for message in messages]
        bad = [damaged(word, code.t, rng) for word in words.tolist()]
        fixed, errors = other.decode(field(bad), errors=True)
        assert errors.tolist() == [code.t] * len(messages)
        assert np.array(fixed).tolist() == messages
        assert all(decode(code, b) == (w, code.t) for b, w in zip(bad, words.tolist(), strict=True))


def test_the_locator_of_no_error_is_constant():
    locator, evaluator, count = key_equation([0] * KR4.parity)
    assert (locator, evaluator, count) == ([1] + [0] * KR4.t, [0] * KR4.t, 0)
    assert syndromes(KR4, [0] * KR4.n) == [0] * KR4.parity
