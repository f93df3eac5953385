"""Models of the optics for other simulators: Touchstone, ngspice, Verilog-A, and their golden."""
