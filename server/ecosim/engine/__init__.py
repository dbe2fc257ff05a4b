"""The ecosystem engine: loads a world and runs it tick by tick."""

from ecosim.engine.engine import EcosystemEngine
from ecosim.engine.world import load_world

__all__ = ["EcosystemEngine", "load_world"]
