"""What a model is, as read from ``models/*.yaml``: reviewed data, checked on the way in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from features.errors import InputError
from features.sectors import MODEL, SHIPPED, added_sectors

MODELS = Path(__file__).resolve().parent.parent / "models"
#: The general model, then those of the sectors: of the package, and those that the office added.
MODEL_NAMES = (*SHIPPED, *added_sectors())

T = TypeVar("T", bound=BaseModel)


class Strict(BaseModel):
    """Unknown keys are errors: a misspelt setting must not be ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Words(Strict):
    """A name in Chinese and English."""

    zh: str
    en: str


Condition = dict[str, list[str]]


class Cohort(Strict):
    """Which registered enterprises the model speaks of: those with any of these features above 0."""

    any_positive: tuple[str, ...] = ()


class Target(Strict):
    """What is predicted: a record after the as-of date and within the horizon.

    ``take: first`` looks at the first record that counts (*if it is inspected, is a problem found?*),
    ``any`` at all of them. ``absence: negative`` makes enterprises without a record negatives, which
    is right for events that are always known (incidents) and wrong for inspections.
    """

    label: Words
    table: str
    where: Condition = {}
    positive: Condition = {}
    negative: Condition = {}
    absence: Literal["unlabelled", "negative"] = "unlabelled"
    horizon_days: int = Field(gt=0, le=3660)
    take: Literal["first", "any"] = "first"


class Period(Strict):
    """Days from ``start`` to ``end``, both included."""

    start: date | None = None
    end: date | None = None


class Windows(Strict):
    """Which rows train, calibrate and test.

    With ``rows: dates`` a row is an enterprise at an as-of date; the dates are walked back from the
    newest one whose horizon is complete, with a whole horizon between the parts. With
    ``rows: events`` a row is one labelled record, seen from ``lead_days`` before it; the parts are
    the periods given.
    """

    rows: Literal["dates", "events"] = "dates"
    every_months: int = Field(3, ge=1, le=24)
    test_dates: int = Field(2, ge=1)
    calibration_dates: int = Field(2, ge=1)
    train_dates: int = Field(28, ge=1)
    lead_days: int = Field(1, ge=0)
    train: Period | None = None
    calibration: Period | None = None
    test: Period | None = None

    @model_validator(mode="after")
    def _periods_of_events(self) -> Windows:
        if self.rows == "events" and not (self.train and self.calibration and self.test):
            msg = "rows: events needs the periods train, calibration and test"
            raise ValueError(msg)
        return self


class Learner(Strict):
    """Settings of the boosted trees; small, so that exact explanation stays cheap."""

    trees: int = Field(300, ge=1, le=5000)
    learning_rate: float = Field(0.03, gt=0, le=1)
    leaves: int = Field(8, ge=2, le=255)
    minimum_in_leaf: int = Field(200, ge=1)
    l2: float = Field(20.0, ge=0)
    feature_fraction: float = Field(0.3, gt=0, le=1)
    bagging_fraction: float = Field(0.7, gt=0, le=1)
    seed: int = 20210721
    threads: int = Field(2, ge=1)
    monotone: bool = True


class ModelSpecification(Strict):
    """One model: features, cohort, target, windows, learner.

    ``weights: inverse_probability`` lets a random draw weigh the inverse of its recorded probability in
    training, all such rows 1 on average; all other rows weigh 1. ``calibrate_on: all_times`` takes, beside
    the calibration window, the training rows as scored by trees that were grown without their enterprise.
    """

    name: str
    label: Words
    increment_over: str | None = None
    sectors: tuple[str, ...]
    exclude_features: tuple[str, ...] = ()
    cohort: Cohort = Cohort()
    target: Target
    windows: Windows
    learner: Learner = Field(default_factory=lambda: Learner.model_validate({}))
    minimum_labels: int = Field(300, ge=0)
    weights: Literal["equal", "inverse_probability"] = "equal"
    calibrate_on: Literal["all_times", "window"] = "all_times"
    #: Where it differs from ``models/tiers.yaml``: records below which there is no tier.
    minimum_records: int | None = Field(None, ge=0)


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        # Conditions are replaced whole: merging two of them would silently mean something third.
        replace = key in {"where", "positive", "negative", "cohort"}
        merged[key] = _merge(merged[key], value) if both and not replace else value
    return merged


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Raises
    ------
    InputError
        If there is no such file or it is not YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no file {path}", fix="Give the path of a YAML file.") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path.name} is not YAML: {error}") from None


def available_profiles() -> tuple[str, ...]:
    """Names of the shipped profiles."""
    return tuple(sorted(path.stem for path in (MODELS / "profiles").glob("*.yaml")))


def find_profile(profile: str) -> dict[str, Any]:
    """Return a shipped profile by name, or one by path."""
    path = MODELS / "profiles" / f"{profile}.yaml"
    if not path.exists():
        path = Path(profile)
        if path.suffix not in {".yaml", ".yml"}:
            raise InputError(
                f"there is no profile {profile!r}",
                field="profile",
                fix=f"Use one of {', '.join(available_profiles())}, or the path of a YAML file.",
            )
    return dict(read_yaml(path) or {})


def load_specification(name: str, profile: str | None = None) -> ModelSpecification:
    """Read a model's specification, with a profile's changes laid over it.

    Parameters
    ----------
    name
        One of :data:`MODEL_NAMES`, or another file in ``models/``.
    profile
        Name of a shipped profile or path of a YAML file: model name → settings that differ.

    Raises
    ------
    InputError
        If there is no such model or profile, or a setting is unknown or out of range.
    """
    added = added_sectors().get(name)
    path = added.folder / MODEL if added else MODELS / f"{name}.yaml"
    if name in {"tiers", "points_card", "overrides", "promotion"} or not path.exists():
        raise InputError(
            f"there is no model {name!r}", field="model", fix=f"Use one of {', '.join(MODEL_NAMES)}."
        )
    content = read_yaml(path)
    if profile is not None:
        changes = find_profile(profile)
        if name not in changes:
            raise InputError(
                f"profile {profile!r} has no model {name!r}",
                field="model",
                fix=f"It has: {', '.join(key for key in changes if key in MODEL_NAMES)}.",
            )
        content = _merge(content, changes[name] or {})
    return _known(validate(ModelSpecification, content, source=f"{path.parent.name}/{path.name}"), name)


def _known(specification: ModelSpecification, name: str) -> ModelSpecification:
    """Check what a specification refers to by name: a misspelt sector would silently have no features."""
    if specification.name != name:
        raise InputError(f"the model of {name!r} calls itself {specification.name!r}", field="name")
    unknown = [sector for sector in specification.sectors if sector not in MODEL_NAMES]
    if unknown:
        raise InputError(
            f"model {name!r} uses features of sector {unknown[0]!r}, which does not exist",
            field="sectors",
            fix=f"Use some of {', '.join(MODEL_NAMES)}.",
        )
    return specification


def models_of_profile(profile: str | None) -> tuple[str, ...]:
    """Names of the models that a profile trains, general first."""
    if profile is None:
        return MODEL_NAMES
    changes = find_profile(profile)
    return tuple(name for name in MODEL_NAMES if name in changes)


def validate(kind: type[T], content: Any, *, source: str) -> T:
    """Validate plain data; an error names the setting and the file."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{first['msg']} (in {source})", field=place or None) from None
