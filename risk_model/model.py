"""A trained model: boosted trees, calibration, scale and cuts; saved as text and JSON.

Nothing here is ever unpickled. A model folder holds ``model.json``, ``booster.txt`` (LightGBM text),
for a sector model a folder ``base`` with the general model, and ``manifest.json`` with a SHA-256 of
each file.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

import lightgbm as lgb
import numpy as np
import pandas as pd
import pyarrow as pa

from features.definitions import LIBRARY, Feature
from features.errors import InputError
from features.kernel import Plan
from features.sectors import VARIABLE as SECTORS_VARIABLE
from risk_model.calibration import IDENTITY, Platt, probability
from risk_model.explanation.trees import FEW, TreeExplainer
from risk_model.scale import Cuts, TierPolicy
from risk_model.specification import MODEL_NAMES

FORMAT = 1


@dataclass(frozen=True)
class Contributions:
    """An exact explanation of margins.

    Attributes
    ----------
    names
        Features, as many as columns of ``values``.
    base
        Margin of nothing known; one number.
    values
        What each feature adds to the margin (calibrated log-odds), shape (n, features).
    """

    names: tuple[str, ...]
    base: float
    values: np.ndarray

    def total(self) -> np.ndarray:
        """Return base plus contributions, shape (n,)."""
        return np.asarray(self.base + self.values.sum(axis=1))


@dataclass(frozen=True)
class RiskModel:
    """A model that scores and explains.

    Attributes
    ----------
    name, title
        Identifier and names in both languages.
    own_features
        Features of its own trees, in the order in which LightGBM saw them.
    booster
        Its own trees; None if there was too little to learn from.
    calibration
        From raw margin to calibrated log-odds.
    base
        The model whose margin it starts from, for a sector model.
    entry
        Where its own trees start from: ``slope * margin of the base + intercept``, the slope not below 0.
    policy, cuts
        Score scale, tier rules and the cuts found at training.
    known_tables
        Record tables that the store held at training.
    facts
        What training recorded: specification, data snapshot, windows, row counts, versions.
    """

    name: str
    title: dict[str, str]
    own_features: tuple[str, ...]
    booster: lgb.Booster | None
    calibration: Platt
    base: RiskModel | None
    policy: TierPolicy
    cuts: Cuts | None
    known_tables: tuple[str, ...]
    facts: dict[str, Any]
    entry: Platt = IDENTITY

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """All features, those of the base first; one that both look at is there once."""
        return tuple(dict.fromkeys((*(self.base.feature_names if self.base else ()), *self.own_features)))

    @cached_property
    def own_columns(self) -> np.ndarray:
        """Place of each own feature among :attr:`feature_names`, shape (own features,)."""
        place = {name: i for i, name in enumerate(self.feature_names)}
        return np.array([place[name] for name in self.own_features], dtype=np.int64)

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """Declarations of :attr:`feature_names`."""
        return tuple(LIBRARY[name] for name in self.feature_names)

    @property
    def cohort_features(self) -> tuple[str, ...]:
        """Features that decide whether the model speaks of an enterprise."""
        return tuple(self.facts["specification"]["cohort"]["any_positive"])

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """Every feature that scoring, tiers and membership look at, in the order of the library."""
        wanted = set(self.feature_names) | set(self.cohort_features)
        wanted |= {floor.feature for floor in self.policy.floors}
        return tuple(feature.name for feature in LIBRARY if feature.name in wanted)

    def matrix(self, table: pa.Table | pd.DataFrame) -> np.ndarray:
        """Return the features in the model's order, shape (n, features), float64.

        Raises
        ------
        InputError
            If a feature is not there; near misses are named.
        """
        present = table.column_names if isinstance(table, pa.Table) else list(table.columns)
        missing = [name for name in self.feature_names if name not in present]
        if missing:
            near = difflib.get_close_matches(missing[0], present, n=1)
            hint = f" Did you mean its column {near[0]!r}?" if near else ""
            raise InputError(
                f"the table lacks {len(missing)} of {len(self.feature_names)} features: "
                f"{', '.join(missing[:5])}.{hint}",
                field=missing[0],
                fix="Compute it with the feature library.",
            )
        out = np.empty((len(table), len(self.feature_names)))
        for i, name in enumerate(self.feature_names):
            column = table[name]
            out[:, i] = (
                column.to_numpy() if isinstance(column, pa.ChunkedArray) else column.to_numpy(np.float64)
            )
        return out

    def applies(self, table: pa.Table | pd.DataFrame) -> np.ndarray:
        """Return which rows the model speaks of, shape (n,), bool."""
        if not self.cohort_features:
            return np.ones(len(table), dtype=bool)
        columns = [np.nan_to_num(np.asarray(table[name])) > 0 for name in self.cohort_features]
        return np.asarray(np.logical_or.reduce(columns), dtype=bool)

    def _own(self, matrix: np.ndarray) -> np.ndarray:
        return matrix if self.base is None else matrix[:, self.own_columns]

    def base_margin(self, matrix: np.ndarray) -> np.ndarray:
        """Return the calibrated margin of the base, shape (n,); 0 without one."""
        if self.base is None:
            return np.zeros(len(matrix))
        return self.base.margin(matrix[:, : len(self.base.feature_names)])

    def raw_margin(self, matrix: np.ndarray) -> np.ndarray:
        """Return the margin before this model's calibration, shape (n,)."""
        raw = self.entry.margin(self.base_margin(matrix))
        if self.booster is not None and len(matrix):
            raw = raw + self._trees(self._own(matrix))
        return np.asarray(raw, dtype=np.float64)

    def _trees(self, own: np.ndarray) -> np.ndarray:
        """Return what this model's own trees add up to; of a few rows by the tables of explanations."""
        assert self.booster is not None
        # Those that are worked out already: the same to the last bit, and LightGBM's own way costs more than
        # all else about a single score.
        prepared: TreeExplainer | None = vars(self).get("_explainer")
        if prepared is not None and len(own) < FEW:
            return prepared.margin(own)
        return np.asarray(self.booster.predict(own, raw_score=True))

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Return calibrated log-odds, shape (n,).

        Parameters
        ----------
        matrix
            From :meth:`matrix`, shape (n, features).
        """
        return self.calibration.margin(self.raw_margin(matrix))

    def probability(self, matrix: np.ndarray) -> np.ndarray:
        """Return probabilities of the target, shape (n,)."""
        return probability(self.margin(matrix))

    def score(self, margin: np.ndarray) -> np.ndarray:
        """Return scores 0-1000 of margins; the higher, the riskier."""
        return self.policy.score.score(margin)

    def prepare(self) -> None:
        """Work out the tables that explanations look up."""
        _ = self._explainer
        if self.base is not None:
            self.base.prepare()

    @cached_property
    def _explainer(self) -> TreeExplainer | None:
        return None if self.booster is None else _explainer_of(self.booster)

    def contributions(self, matrix: np.ndarray) -> Contributions:
        """Explain margins exactly: path-dependent SHAP values of the trees, calibrated.

        Parameters
        ----------
        matrix
            From :meth:`matrix`, shape (n, features).

        Notes
        -----
        The sector model's margin is affine in the general margin, plus its own trees. So its
        contributions are those of the general model times the slope of :attr:`entry`, plus those of its
        own trees, and all of them times the slope of the calibration (Lundberg et al. 2020, *From local
        explanations to global understanding with explainable AI for trees*, for the trees).
        """
        rows = np.ascontiguousarray(matrix, dtype=np.float64)
        values = np.zeros((len(rows), len(self.feature_names)))
        base = self._explain_into(values, rows, 1.0)
        return Contributions(self.feature_names, base, values)

    def _explain_into(self, values: np.ndarray, rows: np.ndarray, scale: float) -> float:
        """Add ``scale`` times the contributions to ``values``; return the base value, which is not scaled.

        The features of the base come first, so its columns are the same in the rows of this model.
        """
        slope, base = self.calibration.slope, self.entry.intercept
        if self.base is not None:
            base += self.entry.slope * self.base._explain_into(values, rows, scale * slope * self.entry.slope)
        if self._explainer is not None:
            self._explainer.add_to(values, rows, self.own_columns, scale * slope)
            base += self._explainer.base_value
        return slope * base + self.calibration.intercept

    def parts(self, matrix: np.ndarray) -> dict[str, np.ndarray]:
        """Return the contributions of the base and of the model's own trees apart.

        Parameters
        ----------
        matrix
            From :meth:`matrix`, shape (n, features).

        Returns
        -------
        dict
            Name of the model → what its trees add to this model's margin, shape (n, features); together
            they are :meth:`contributions`.
        """
        rows = np.ascontiguousarray(matrix, dtype=np.float64)
        slope = self.calibration.slope
        found: dict[str, np.ndarray] = {}
        if self.base is not None:
            found[self.base.name] = np.zeros((len(rows), len(self.feature_names)))
            self.base._explain_into(found[self.base.name], rows, slope * self.entry.slope)
        found[self.name] = np.zeros((len(rows), len(self.feature_names)))
        if self._explainer is not None:
            self._explainer.add_to(found[self.name], rows, self.own_columns, slope)
        return found

    def save(self, folder: Path) -> None:
        """Write the model to a folder, which must not hold another one."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.base is not None:
            self.base.save(folder / "base")
        if self.booster is not None:
            (folder / "booster.txt").write_text(self.booster.model_to_string(), encoding="utf-8")
        content = {
            "format": FORMAT,
            "name": self.name,
            "title": self.title,
            "own_features": list(self.own_features),
            "feature_definitions": Plan(self.features).fingerprint,
            "has_booster": self.booster is not None,
            "has_base": self.base is not None,
            "calibration": asdict(self.calibration),
            "entry": asdict(self.entry),
            "policy": self.policy.model_dump(mode="json"),
            "cuts": None if self.cuts is None else asdict(self.cuts),
            "known_tables": list(self.known_tables),
            "facts": self.facts,
        }
        text = json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True, default=str)
        (folder / "model.json").write_text(text + "\n", encoding="utf-8")
        files = [path for path in ("model.json", "booster.txt") if (folder / path).exists()]
        manifest = {"format": FORMAT, "sha256": {name: _digest(folder / name) for name in files}}
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> RiskModel:
        """Read a model from a folder.

        Raises
        ------
        InputError
            If the folder holds no model, a file was changed or damaged, the format is unknown, or the
            feature definitions are no longer those it was trained with.
        """
        manifest = _read_json(folder / "manifest.json")
        if manifest.get("format") != FORMAT:
            raise InputError(
                f"model format {manifest.get('format')!r} in {folder.name} is unknown; "
                f"this version reads {FORMAT}",
                field="format",
            )
        for name, digest in manifest["sha256"].items():
            if not (folder / name).exists() or _digest(folder / name) != digest:
                raise InputError(
                    f"{name} is damaged or was changed after training",
                    field=name,
                    fix="Take the model from the registry again.",
                )
        content = _read_json(folder / "model.json")
        booster = None
        if content["has_booster"]:
            booster = lgb.Booster(model_str=(folder / "booster.txt").read_text(encoding="utf-8"))
        model = cls(
            name=content["name"],
            title=content["title"],
            own_features=tuple(content["own_features"]),
            booster=booster,
            calibration=Platt(**content["calibration"]),
            base=cls.load(folder / "base") if content["has_base"] else None,
            policy=TierPolicy.model_validate(content["policy"]),
            cuts=None if content["cuts"] is None else Cuts(**content["cuts"]),
            known_tables=tuple(content["known_tables"]),
            facts=content["facts"],
            # A model saved before there was an entry started from the margin of its base as it is.
            entry=Platt(**content.get("entry", {})),
        )
        unknown = [name for name in model.feature_names if name not in LIBRARY.by_name]
        if unknown and model.name not in MODEL_NAMES:
            raise InputError(
                f"model {model.name!r} is of a sector that this process does not know",
                field=SECTORS_VARIABLE,
                fix=f"Name the sector's folder in {SECTORS_VARIABLE}.",
            )
        if unknown or Plan(model.features).fingerprint != content["feature_definitions"]:
            raise InputError(
                f"model {model.name!r} was trained with other feature definitions than this version has",
                field="feature_definitions",
                fix="Train it again, or use the version that trained it.",
            )
        return model


#: Those that some model of the process holds, by the SHA-256 of its trees.
_EXPLAINERS: WeakValueDictionary[str, TreeExplainer] = WeakValueDictionary()
_PREPARING = Lock()


def _explainer_of(booster: lgb.Booster) -> TreeExplainer:
    """Return the explainer of some trees; sector models bring the trees of their base again, each a copy."""
    key = hashlib.sha256(booster.model_to_string().encode()).hexdigest()
    # Whoever comes second waits: two threads would each take twice as long for the same tables.
    with _PREPARING:
        found = _EXPLAINERS.get(key)
        if found is None:
            found = _EXPLAINERS[key] = TreeExplainer.from_booster(booster)
    return found


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path.parent} holds no model: {path.name} is not there") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise InputError(f"{path.name} in {path.parent.name} is not JSON: the model is damaged") from None
    if not isinstance(content, dict):
        raise InputError(f"{path.name} in {path.parent.name} is not a model file")
    return content


def learner_parameters(settings: Any, features: Sequence[Feature]) -> dict[str, Any]:
    """Return LightGBM parameters that give the same trees again on the same machine."""
    return {
        "objective": "binary",
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.minimum_in_leaf,
        "lambda_l2": settings.l2,
        "feature_fraction": settings.feature_fraction,
        "bagging_fraction": settings.bagging_fraction,
        "bagging_freq": 1,
        "max_cat_threshold": 16,
        "cat_smooth": 50,
        "monotone_constraints": [int(f.direction) if settings.monotone else 0 for f in features],
        "monotone_constraints_method": "intermediate",
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": settings.threads,
        "seed": settings.seed,
        "verbosity": -1,
    }
