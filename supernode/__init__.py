"""Clusters built from measured links."""
