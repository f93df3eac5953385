"""Measurements as a laboratory makes them: one a file, values in, frozen figures out."""
