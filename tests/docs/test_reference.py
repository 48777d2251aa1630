"""The Python reference: every name is there and says what its parameters are."""

from __future__ import annotations

import importlib
import pkgutil
import re
import warnings

import pytest

with warnings.catch_warnings():
    # Its own way to find parsers.
    warnings.simplefilter("ignore")
    from numpydoc.validate import validate

from tests.docs.reading import DOCS

NAMES = [
    name
    for page in ("python", "features")
    for name in re.findall(
        r"^::: (\S+)", (DOCS / "reference" / f"{page}.md").read_text(encoding="utf-8"), re.M
    )
]
#: No docstring; no summary line; parameters missing, unknown, in another order, without a description.
MISTAKES = {"GL08", "SS03", "PR01", "PR02", "PR03", "PR07", "PR10"}


def is_package_or_module(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_documented(name: str) -> None:
    found = pkgutil.resolve_name(name)
    assert found.__doc__
    if is_package_or_module(name):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        told = validate(name)
    # What is called "Attributes" of a dataclass are its parameters, too.
    documented = "Attributes\n" in found.__doc__ or "\n    Attributes" in found.__doc__
    mistakes = [
        (code, text)
        for code, text in told["errors"]
        if code in MISTAKES and not (code == "PR01" and documented)
    ]
    assert not mistakes
