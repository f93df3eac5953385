"""Optical circuit switch controller."""
