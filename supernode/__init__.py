"""Clusters built from measured links: reads `spec` and `LinkFigures` only. Nothing is here yet."""
