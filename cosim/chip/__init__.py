"""Co-simulation of a switch chip with its lock, its drive and its converters."""
