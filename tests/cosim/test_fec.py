import numpy as np
import pytest

from lightloom.cosim.fec import CODES, Code

KP4, KR4 = CODES["kp4"], CODES["kr4"]


@pytest.mark.parametrize(
    ("code", "ber", "expected"),
    [
        (KP4, 1e-3, 1.53e-4),
        (KP4, 5e-4, 2.79e-8),
        (KP4, 2.4e-4, 8.15e-13),
        (KP4, 1e-4, 1.36e-18),
        (KR4, 2.4e-4, 5.15e-5),
        (KR4, 1e-5, 1.36e-15),
    ],
)
def test_known_points_of_the_curves(code, ber, expected):
    assert code.codeword_error_rate(ber) == pytest.approx(expected, rel=5e-3)


def test_frame_loss_at_the_threshold_is_that_of_the_standard():
    # L codewords interleaved: FLR = L CER (1 + 1 / (7.6 L)), published for BER 2.4e-4
    rate = KP4.codeword_error_rate(2.4e-4)
    for depth, published in ((1, 9.2e-13), (2, 1.7e-12), (4, 3.4e-12)):
        assert depth * rate * (1 + 1 / (7.6 * depth)) == pytest.approx(published, rel=0.03)


def test_simulated_codewords_agree():
    seed = 5
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    code = Code(symbols=40, correctable=3, bits=10)
    ber, count = 4e-3, 20_000
    wrong = rng.random((count, 40, 10)) < ber
    symbols = wrong.any(axis=2).sum(axis=1)
    failed = symbols > 3
    rate = code.codeword_error_rate(ber)
    assert failed.mean() == pytest.approx(rate, abs=4 * np.sqrt(rate / count))
    found = np.bincount(symbols, minlength=4)[:4] / count
    np.testing.assert_allclose(found, code.histogram(ber), atol=4 * np.sqrt(0.25 / count))
    bits = wrong.sum(axis=(1, 2))[failed]
    assert bits.mean() == pytest.approx(code.failed_bits(ber), abs=4 * bits.std() / bits.size**0.5)


def test_rates_of_symbols_and_bits_are_inverse():
    for ber in (0.0, 1e-9, 1e-4, 0.3, 1.0):
        assert KP4.bit_error_rate(KP4.symbol_error_rate(ber)) == pytest.approx(ber, rel=1e-9)
    assert KP4.histogram(1e-4).sum() + KP4.codeword_error_rate(1e-4) == pytest.approx(1.0)
    assert KP4.codeword_bits == 5440
    # the least that makes a codeword fail, where nothing is wrong
    assert KP4.failed_bits(0.0) == 16
    assert KP4.failed_bits(1e-2) == pytest.approx(5440 * 1e-2, rel=1e-6)


def test_rates_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"ber = -0\.1; allowed: 0 to 1"):
        KP4.codeword_error_rate(-0.1)
    with pytest.raises(ValueError, match=r"symbol_error_rate = 2; allowed: 0 to 1"):
        KP4.bit_error_rate(2)
