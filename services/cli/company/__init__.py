"""A made-up company and half a year of its life, for the demo: people, events, and the gaps planted in it."""

from services.cli.company.generate import Company, PlantedGap, generate
from services.cli.company.trickle import trickle

__all__ = ["Company", "PlantedGap", "generate", "trickle"]
