"""Drive of the heaters: from states of cells to codes, and from codes to pins."""
