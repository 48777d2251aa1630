"""Mappings by name or path: read, checked, or refused with the setting that is wrong."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from difflib import get_close_matches
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from features.errors import InputError
from features.sources.checks import check_mapping
from features.sources.settings import (
    Aggregate,
    Case,
    Condition,
    FileMapping,
    Join,
    Names,
    Once,
    RecordMapping,
    Setting,
    SourceMapping,
    Value,
)
from features.yaml_text import read_yaml

SHIPPED = "features.sources.mappings"


def shipped_mappings() -> list[str]:
    """Return the names of the mappings that come with the package."""
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in resources(SHIPPED).iterdir()
        if entry.name.endswith(".yaml")
    )


def load_mapping(source: str | Path) -> SourceMapping:
    """Read and check a mapping.

    Parameters
    ----------
    source
        Name of a shipped mapping, or path of a YAML file.

    Raises
    ------
    InputError
        If there is no such mapping, or a setting cannot be used; ``field`` is the setting.
    """
    name = str(source)
    if name in shipped_mappings():
        return parse_mapping(resources(SHIPPED).joinpath(f"{name}.yaml").read_text(encoding="utf-8"), name)
    path = Path(source)
    if not path.is_file():
        near = get_close_matches(name, shipped_mappings(), 1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise InputError(
            f"there is no mapping {name!r}",
            field="source",
            fix=f"{hint}Shipped mappings: {', '.join(shipped_mappings())}; or give the path of a YAML file.",
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(
            f"{path.name} is not UTF-8", field="source", fix="Save the mapping as UTF-8."
        ) from None
    return parse_mapping(text, path.name)


def parse_mapping(text: str, origin: str) -> SourceMapping:
    """Read and check the text of a mapping; ``origin`` names it in errors."""
    content = read_yaml(text, origin)
    content = {key: value for key, value in content.items() if not str(key).startswith("x-")}
    try:
        mapping = SourceMapping.model_validate(content)
    except ValidationError as error:
        raise _as_input_error(error, origin, content) from None
    check_mapping(mapping, origin)
    return mapping


def _as_input_error(error: ValidationError, origin: str, content: Any) -> InputError:
    """Name the first setting that is wrong, and what would be right."""
    problems = error.errors()
    first = problems[0]
    path = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    fix = None
    if first["type"] == "extra_forbidden":
        message = "there is no such setting"
        allowed = sorted(_settings_at(first["loc"][:-1]))
        near = get_close_matches(str(first["loc"][-1]), allowed, 1)
        fix = (
            f"Did you mean {near[0]!r}?"
            if near
            else (f"Settings: {', '.join(allowed)}." if allowed else None)
        )
    elif first["type"] == "missing":
        message = "the setting is missing"
    if len(problems) > 1:
        others = ", ".join(".".join(str(p) for p in problem["loc"]) for problem in problems[1:4])
        message += f" ({len(problems) - 1} more: {others})"
    return InputError(f"{origin}: {message}", field=path, fix=fix)


#: Which class the settings below a name are of.
_CLASSES: AbstractMapping[str, type[Setting]] = {
    "files": FileMapping,
    "records": RecordMapping,
    "joins": Join,
    "columns": Value,
    "first_of": Value,
    "value": Value,
    "case": Case,
    "when": Condition,
    "any_of": Condition,
    "none_of": Condition,
    "count": Condition,
    "once": Once,
    "names": Names,
}


def _settings_at(place: tuple[Any, ...]) -> list[str]:
    owner: type[Setting] = SourceMapping
    for position, part in enumerate(place):
        if part in _CLASSES and isinstance(part, str):
            owner = _CLASSES[part]
            if part == "columns" and "joins" in place[:position]:
                owner = Aggregate
    return list(owner.model_fields)
