"""The public's page: how enterprises are classified, and the way to what is published of them."""

from __future__ import annotations

from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from risk_model.scale import TIERS
from serving.endpoints import Call
from serving.pages.rendering import render

#: Folder in the home that ``risk-model publish --out`` writes for the service.
SITE = "public"


class PublishedSite(StaticFiles):
    """Serves the published site as it is at each request; there need not be one yet."""

    async def check_config(self) -> None:
        """Look at nothing: a folder that is not there has no files."""


def public(call: Call) -> Response:
    """Show the page; no tier of any enterprise stands on it."""
    site = call.context.home.root / SITE
    index = site / call.lang / "index.html"
    return render(
        call,
        "public.html",
        site=f"/public/{call.lang}/index.html" if index.is_file() else None,
        tiers=TIERS,
    )
