"""Register banks built from SystemRDL."""
