"""The design file as typed values; every other room reads it, it reads none."""
