"""Layout cells: each builds with its defaults and carries its recognition marks and pins."""
