"""Where everything that the system keeps on disk lies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ENVIRONMENT_VARIABLE = "RISK_MODEL_HOME"
TRACKING_VARIABLE = "RISK_MODEL_TRACKING_URI"
DEFAULT = Path("var")


@dataclass(frozen=True)
class Home:
    """The folder of all state, and the names of what lies in it.

    Parameters
    ----------
    root
        The folder; it is made when something is first written. Kept absolute: it is the same one after a
        change of the working directory, and addresses are made of it.
    """

    root: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root).absolute())

    @classmethod
    def locate(cls, given: Path | str | None = None) -> Home:
        """Return the home that was asked for, else ``RISK_MODEL_HOME``, else ``./var``."""
        return cls(Path(given or os.environ.get(ENVIRONMENT_VARIABLE) or DEFAULT).resolve())

    @property
    def store(self) -> Path:
        """The record store."""
        return self.root / "store"

    @property
    def simulated(self) -> Path:
        """Files of the simulated province, and its truth."""
        return self.root / "simulated"

    @property
    def features(self) -> Path:
        """Computed feature tables."""
        return self.root / "features"

    @property
    def runs(self) -> Path:
        """What training and evaluation write, one folder a run."""
        return self.root / "runs"

    @property
    def tracking_uri(self) -> str:
        """The MLflow database: ``RISK_MODEL_TRACKING_URI`` for a team, else SQLite in the home.

        MLflow's own variable is not looked at: ``mlflow run`` sets it for its entry points, which would
        then see another registry than the same command without it.
        """
        return os.environ.get(TRACKING_VARIABLE) or f"sqlite:///{self.root / 'mlflow.db'}"

    @property
    def artifacts(self) -> Path:
        """Artifacts of MLflow runs."""
        return self.root / "mlartifacts"

    @property
    def published(self) -> Path:
        """Published classification snapshots."""
        return self.root / "published"

    @property
    def plans(self) -> Path:
        """Inspection plans."""
        return self.root / "plans"

    @property
    def logs(self) -> Path:
        """Log files."""
        return self.root / "logs"
