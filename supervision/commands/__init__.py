"""The commands of supervision, one module a command."""

from __future__ import annotations

from importlib import import_module

import typer

MODULES = (
    "measures",
    "plan",
    "lists",
    "repair",
    "publish",
    "key_areas",
    "commitments",
    "warnings",
    "share",
    "report",
    "improve",
)


def register(app: typer.Typer) -> None:
    """Add all commands of this room."""
    for name in MODULES:
        import_module(f"supervision.commands.{name}").register(app)
