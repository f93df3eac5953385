"""Symbol-level blocks: PRBS, equalizers, clock recovery."""
