"""Optical switch chips: fabrics, their electrical wiring, and what they do as circuits."""
