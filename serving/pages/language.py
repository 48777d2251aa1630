"""In which language a page is shown: as the address says, as was chosen, or as the browser asks."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

LANGUAGES = ("zh", "en")
DEFAULT = "zh"
COOKIE = "lang"
_YEAR = 365 * 24 * 3600


def language_of(request: Request) -> str:
    """Return ``zh`` or ``en``."""
    for given in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if given in LANGUAGES:
            return given
    accepted = request.headers.get("accept-language", "")
    for part in accepted.split(","):
        wanted = part.partition(";")[0].strip().lower()[:2]
        if wanted in LANGUAGES:
            return wanted
    return DEFAULT


def remember(request: Request, response: Response, lang: str) -> Response:
    """Keep a language that the address chose, for the pages after."""
    if request.query_params.get("lang") == lang:
        response.set_cookie(
            COOKIE,
            lang,
            max_age=_YEAR,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
    return response
