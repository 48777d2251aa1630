"""``risk-model serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 3000,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Worker processes; by default one a core.", show_default=False),
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(
            "--home", help="Folder of all state; by default RISK_MODEL_HOME, else ./var.", metavar="DIR"
        ),
    ] = None,
) -> None:
    """Serve published classifications, scoring and the pages until stopped (Ctrl-C or SIGTERM)."""
    from features.home import Home
    from serving.running import run

    code = run(Home.locate(home), host=host, port=port, workers=workers)
    if code:
        raise typer.Exit(code)
