"""A simulated province whose true risk is known.

No public data join the records of an enterprise over years with what a random inspection would have
found; a simulation does, and what it knows is kept apart in ``truth.parquet``.
"""

from features.simulation.parameters import Parameters
from features.simulation.province import SimulationReport, simulate

__all__ = ["Parameters", "SimulationReport", "simulate"]
