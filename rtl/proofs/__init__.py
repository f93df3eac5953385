"""Proofs of the blocks: what is claimed of each, as properties that a model checker decides."""
