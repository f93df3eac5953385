"""Routers of the switch fabrics: one factory, the same members for every topology."""

from lightloom.rtl.ocs.route.factory import TOPOLOGIES, router
from lightloom.rtl.ocs.route.seam import Router, RouteReason

__all__ = ["TOPOLOGIES", "RouteReason", "Router", "router"]
