"""The command line and the steps behind it."""
