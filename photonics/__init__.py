"""Technology, layout, checks, netlist extraction and circuit models of the photonic chips."""
