"""The design file as typed values; every other room reads it, it reads none."""

from lightloom.spec.base import DesignError
from lightloom.spec.design import Design
from lightloom.spec.link_figures import LinkFigures
from lightloom.spec.loader import load, parse, resolve
from lightloom.spec.optical_model import OpticalModel
from lightloom.spec.rtl_manifest import RtlManifest

__all__ = [
    "Design",
    "DesignError",
    "LinkFigures",
    "OpticalModel",
    "RtlManifest",
    "load",
    "parse",
    "resolve",
]
