"""The Reed-Solomon codes of the short-reach links.

Ref: IEEE Std 802.3-2022 clauses 91.5.2.7 (both codes) and 119.2.4.6 (KP4).
"""

from dataclasses import dataclass

from lightloom.rtl.fec import field

__all__ = ["CODES", "KP4", "KR4", "Code"]


@dataclass(frozen=True)
class Code:
    """RS(n, k) over GF(2^10), roots alpha^0 to alpha^(n - k - 1), shortened from 1023 symbols.

    Raises
    ------
    ValueError
        ``n`` above 955, so that 67 symbols of padding still fit, ``n - k`` odd or below 2, or
        ``k`` below 1.
    """

    name: str
    n: int
    k: int

    def __post_init__(self) -> None:
        if not 3 <= self.n <= 955:
            raise ValueError(f"n = {self.n}; allowed: 3 to 955")
        if not 1 <= self.k <= self.n - 2 or (self.n - self.k) % 2:
            raise ValueError(f"k = {self.k}; allowed: 1 to {self.n - 2}, n - k even")

    @property
    def t(self) -> int:
        """Symbol errors that are corrected."""
        return (self.n - self.k) // 2

    @property
    def parity(self) -> int:
        """Parity symbols."""
        return self.n - self.k

    @property
    def generator(self) -> tuple[int, ...]:
        """Coefficients of the generator polynomial, that of x^0 first."""
        product = [1]
        for i in range(self.parity):
            root = field.power(i)
            shifted = [0, *product]
            for j, c in enumerate(product):
                shifted[j] ^= field.multiply(c, root)
            product = shifted
        return tuple(product)

    def words(self, symbols: int) -> int:
        """Clocks of a codeword at `symbols` a clock."""
        return -(-self.n // symbols)

    def beats(self, symbols: int) -> int:
        """Clocks of a message at `symbols` a clock."""
        return -(-self.k // symbols)

    def check_symbols(self, symbols: int) -> None:
        """Raise `ValueError` unless `symbols` is a possible number of symbols a clock."""
        most = min(68, self.k)
        if not 1 <= symbols <= most:
            raise ValueError(f"symbols = {symbols}; allowed: 1 to {most}")


KP4 = Code("kp4", 544, 514)
KR4 = Code("kr4", 528, 514)

CODES = {code.name: code for code in (KP4, KR4)}
"""By name."""
