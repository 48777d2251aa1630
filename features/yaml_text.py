"""YAML as mappings are written: few implicit types, no key twice."""

from __future__ import annotations

import re
from typing import Any

import yaml

from features.errors import InputError


class _Loader(yaml.SafeLoader):
    """YAML 1.2 core scalars: ``no`` and ``on`` are texts, dates stay texts; keys may not repeat."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("int", r"^-?(?:0|[1-9]\d*)$", "-0123456789"),
    ("float", r"^-?(?:0|[1-9]\d*)\.\d+$", "-0123456789"),
    ("merge", r"^<<$", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def _unique(loader: _Loader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.value in seen and key.value != "<<":
            raise yaml.MarkedYAMLError(problem=f"{key.value!r} is given twice", problem_mark=key.start_mark)
        seen.add(key.value)
    loader.flatten_mapping(node)
    return {
        loader.construct_object(k, deep=True): loader.construct_object(v, deep=True) for k, v in node.value
    }


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique)


def read_yaml(text: str, origin: str) -> dict[str, Any]:
    """Return the settings of a YAML text; ``origin`` names it in errors.

    Raises
    ------
    InputError
        If it is no YAML, names a key twice or holds no settings.
    """
    try:
        content = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise InputError(f"{origin} is no YAML{line}: {problem}", field="source") from None
    if not isinstance(content, dict):
        raise InputError(f"{origin} holds no settings", field="source")
    return content
