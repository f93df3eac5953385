"""Protection of connections of a switch chip: light at both ends, spare routes."""
