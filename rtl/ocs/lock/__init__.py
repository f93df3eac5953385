"""Locks on tap photodiodes: cells of a switch by dither, rings of an engine by their wavelength."""
