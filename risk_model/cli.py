"""``risk-model``: the commands of all rooms, put together here and nowhere else."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from importlib import import_module

import typer

#: Modules that add commands; each has ``register(app)`` and imports nothing heavy at the top.
COMMANDS = (
    "features.commands.simulation",
    "features.commands.sources",
    "features.commands.store",
    "features.commands.quality",
    "features.commands.features",
    "risk_model.commands.training",
    "risk_model.commands.tuning",
    "risk_model.commands.classification",
    "risk_model.commands.explanation",
    "risk_model.commands.lifecycle",
    "supervision.commands",
    "serving.dossier_command",
    "serving.demo_command",
    "serving.commands",
)


def build() -> typer.Typer:
    """Return the command line with all commands."""
    app = typer.Typer(
        name="risk-model",
        help="Credit-risk classification of enterprises: records to tiers, with reasons.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    for module in COMMANDS:
        import_module(module).register(app)
    return app


def collect_rarely() -> None:
    """Let a process look for garbage in cycles less often.

    What a command imports is half a million objects that stay: by the threshold that Python comes with they
    are gone through hundreds of times, which is a quarter of the time to start. At the end all are gone
    through again, for up to two seconds, though the process takes them with it.
    """
    gc.set_threshold(50_000, 20, 20)
    atexit.register(gc.freeze)


def main() -> None:
    """Run a command; exit with 0, 2 (usage or bad input) or 1 (failure)."""
    from features.errors import InputError

    collect_rarely()
    try:
        build()(prog_name="risk-model")
    except InputError as error:
        typer.echo(f"risk-model: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("risk-model: interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("RISK_MODEL_DEBUG"):
            raise
        typer.echo(f"risk-model: {type(error).__name__}: {error}", err=True)
        typer.echo("Set RISK_MODEL_DEBUG=1 to see where it happened.", err=True)
        sys.exit(1)
