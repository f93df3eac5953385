"""Circuits of light: how devices scatter; solvers, variations, statistics of networks."""
