"""Layout cells, one family a file."""
