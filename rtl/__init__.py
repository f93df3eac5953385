"""Amaranth blocks: the short-reach SerDes and the optical switch controller."""
