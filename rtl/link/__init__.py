"""Bring-up, elastic buffer and the SerDes top level."""
