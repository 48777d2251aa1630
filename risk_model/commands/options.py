"""Options that commands about one enterprise share."""

from __future__ import annotations

from typing import Annotated

import typer

ModelOfEnterpriseOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="By default the sector model that speaks of it (of several the one of the riskiest tier), "
        "else the general one.",
        show_default=False,
    ),
]
