"""SystemVerilog bench around the generated RTL, its build and its traffic."""
