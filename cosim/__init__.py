"""The signal kernel, its oracle, the Verilator build and the measurements."""
