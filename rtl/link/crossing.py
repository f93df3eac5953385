"""`amaranth.lib.cdc` for the type checker, whose stubs leave the module out."""

import importlib

__all__ = ["cdc"]

cdc = importlib.import_module("amaranth.lib.cdc")
