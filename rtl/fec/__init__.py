"""Forward error correction: Reed-Solomon codec over GF(2^10), interleaving, counters."""
