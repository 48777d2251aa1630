"""Where trained models are kept: MLflow runs, versions and aliases; the model itself is text and JSON."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.errors import InputError
from features.home import Home
from risk_model.model import RiskModel

EXPERIMENT = "risk-model"
CHAMPION = "champion"
CHALLENGER = "challenger"
ARTIFACT = "model"
#: Remark on a version: each time it became champion: when, how, why, instead of which version.
REIGNS = "reigns"


@dataclass(frozen=True)
class Version:
    """A registered version of a model."""

    name: str
    version: str
    run_id: str
    aliases: tuple[str, ...]


class Registry:
    """Registered models of a home.

    Parameters
    ----------
    home
        Where the tracking database and the artifacts lie. ``RISK_MODEL_TRACKING_URI`` names another database.
    """

    def __init__(self, home: Home) -> None:
        import logging

        # Alembic and MLflow greet every new database with dozens of lines.
        for name in ("alembic", "mlflow.store.db.utils", "mlflow.tracking"):
            logging.getLogger(name).setLevel(logging.ERROR)
        from mlflow import MlflowClient

        home.root.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.client = MlflowClient(tracking_uri=home.tracking_uri, registry_uri=home.tracking_uri)

    def _experiment(self) -> str:
        found = self.client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        self.home.artifacts.mkdir(parents=True, exist_ok=True)
        return str(self.client.create_experiment(EXPERIMENT, artifact_location=self.home.artifacts.as_uri()))

    def log(
        self, model: RiskModel, *, metrics: dict[str, float], documents: dict[str, Any], scratch: Path
    ) -> Version:
        """Record a training run and register its model.

        Parameters
        ----------
        model
            Trained model.
        metrics
            Name → figure.
        documents
            File name → content, kept beside the model: text (Markdown, HTML) as it is, all else as JSON.
        scratch
            A folder to write the model to first; emptied.

        Returns
        -------
        Version
            Champion if the model has none yet, else challenger.
        """
        run = self.client.create_run(self._experiment(), run_name=model.name, tags={"model": model.name})
        run_id = run.info.run_id
        try:
            specification = model.facts["specification"]
            for key, value in (
                specification["learner"] | {"horizon_days": specification["target"]["horizon_days"]}
            ).items():
                self.client.log_param(run_id, key, value)
            for key in ("data_snapshot", "features"):
                self.client.log_param(run_id, key, model.facts[key])
            for key, value in metrics.items():
                self.client.log_metric(run_id, key, value)
            if scratch.exists():
                shutil.rmtree(scratch)
            model.save(scratch)
            self.client.log_artifacts(run_id, str(scratch), ARTIFACT)
            for name, content in documents.items():
                self._document(run_id, name, content)
        except BaseException:
            self.client.set_terminated(run_id, "FAILED")
            raise
        self.client.set_terminated(run_id, "FINISHED")
        return self._register(model.name, run_id)

    def _document(self, run_id: str, name: str, content: Any) -> None:
        if isinstance(content, str):
            self.client.log_text(run_id, content, name)
        else:
            self.client.log_dict(run_id, content, name)

    def document(self, version: Version, name: str) -> str:
        """Return the text of a document that was kept with the run of a version.

        Raises
        ------
        InputError
            If the run has no such document.
        """
        from mlflow.artifacts import download_artifacts
        from mlflow.exceptions import MlflowException

        uri = f"{self.client.get_run(version.run_id).info.artifact_uri}/{name}"
        try:
            path = download_artifacts(artifact_uri=uri, tracking_uri=self.home.tracking_uri)
        except (MlflowException, OSError):
            raise InputError(
                f"the run of model {version.name!r} version {version.version} has no {name}",
                field="version",
                fix=f"Train it again: risk-model train {version.name}.",
            ) from None
        return Path(path).read_text(encoding="utf-8")

    def tag(self, version: Version, key: str, content: str) -> None:
        """Keep a remark with a version."""
        self.client.set_model_version_tag(version.name, version.version, key, content)

    def tags(self, version: Version) -> dict[str, str]:
        """Return the remarks kept with a version."""
        return dict(self.client.get_model_version(version.name, version.version).tags or {})

    def _register(self, name: str, run_id: str) -> Version:
        from mlflow.exceptions import MlflowException

        try:
            self.client.get_registered_model(name)
        except MlflowException:
            self.client.create_registered_model(name)
        source = f"{self.client.get_run(run_id).info.artifact_uri}/{ARTIFACT}"
        version = str(self.client.create_model_version(name, source=source, run_id=run_id).version)
        has_champion = CHAMPION in self.client.get_registered_model(name).aliases
        if not has_champion:
            return self.promote(name, version, how="first")
        self.client.set_registered_model_alias(name, CHALLENGER, version)
        return Version(name, version, run_id, (CHALLENGER,))

    def find(self, name: str, version: str | None = None) -> Version:
        """Return a version of a model: by number, by alias, or the champion.

        Raises
        ------
        InputError
            If there is none.
        """
        from mlflow.exceptions import MlflowException

        wanted = version or CHAMPION
        try:
            if wanted.isdigit():
                found = self.client.get_model_version(name, wanted)
            else:
                found = self.client.get_model_version_by_alias(name, wanted)
        except MlflowException:
            raise InputError(
                f"the registry has no {wanted!r} of model {name!r}",
                field="model",
                fix=f"Train it first: risk-model train {name}.",
            ) from None
        aliases = self.client.get_registered_model(name).aliases
        of_version = tuple(a for a, v in aliases.items() if str(v) == str(found.version))
        return Version(name, str(found.version), str(found.run_id), of_version)

    def champions(self) -> tuple[str, ...]:
        """Return the names of the models that have a champion."""
        return tuple(
            sorted(m.name for m in self.client.search_registered_models() if CHAMPION in (m.aliases or {}))
        )

    def folder(self, version: Version) -> Path:
        """Return a local folder with the model's files."""
        from mlflow.artifacts import download_artifacts

        uri = f"{self.client.get_run(version.run_id).info.artifact_uri}/{ARTIFACT}"
        return Path(download_artifacts(artifact_uri=uri, tracking_uri=self.home.tracking_uri))

    def load(self, name: str, version: str | None = None) -> tuple[RiskModel, Version]:
        """Load a model."""
        found = self.find(name, version)
        return RiskModel.load(self.folder(found)), found

    def promote(self, name: str, version: str, *, how: str = "gate", reason: str = "") -> Version:
        """Make a version the champion, and record it with the version.

        Parameters
        ----------
        name, version
            The model, and its version or alias.
        how
            ``first``, ``gate``, ``forced`` or ``rollback``.
        reason
            Why, in words.
        """
        found = self.find(name, version)
        before = self.client.get_registered_model(name).aliases.get(CHAMPION)
        self.client.set_registered_model_alias(name, CHAMPION, found.version)
        reign = {
            "from": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "how": how,
            "reason": reason,
            "instead_of": None if before is None else str(before),
        }
        self.tag(found, REIGNS, json.dumps([*self.reigns(found), reign], ensure_ascii=False))
        return self.find(name, found.version)

    def reigns(self, version: Version) -> list[dict[str, Any]]:
        """Return each time that a version became champion, the first one first."""
        told: list[dict[str, Any]] = json.loads(self.tags(version).get(REIGNS, "[]"))
        return told

    def log_evaluation(self, version: Version, content: dict[str, Any], metrics: dict[str, float]) -> None:
        """Keep an evaluation with the run of a version."""
        for key, value in metrics.items():
            self.client.log_metric(version.run_id, key, value)
        self.client.log_dict(version.run_id, content, "evaluation.json")
