"""Every benchmark that can be named starts."""

from __future__ import annotations

from importlib import import_module

import pytest

from benchmarks.__main__ import names


@pytest.mark.parametrize("name", names())
def test_it_can_be_read(name: str) -> None:
    module = import_module(f"benchmarks.{name}")
    assert callable(module.run)
    assert module.__doc__
