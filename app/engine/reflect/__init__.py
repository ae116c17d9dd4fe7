"""Resources nobody declared: a table is described by the catalogue and gets the engine's powers from that alone."""

from app.engine.reflect.build import grant
from app.engine.reflect.describe import Described, describe
from app.engine.reflect.reflected import Reflected, quoted
from app.engine.reflect.store import find, find_qualified, forget

__all__ = ["Described", "Reflected", "describe", "find", "find_qualified", "forget", "grant", "quoted"]
