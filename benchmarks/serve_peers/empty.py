"""An endpoint of BentoML that does nothing: what its server costs by itself."""

from __future__ import annotations

from typing import Any

import risk_model  # noqa: F401 - turns the usage reports of libraries off before they are imported

# isort: split
import bentoml


@bentoml.service(name="empty", workers=1, logging={"access": {"enabled": False}})
class Empty:
    """Does nothing."""

    @bentoml.api(route="/empty")  # type: ignore[untyped-decorator]
    def empty(self) -> dict[str, str]:
        """Answer without looking at anything."""
        return {}

    @bentoml.api(route="/body")  # type: ignore[untyped-decorator]
    def body(self, sent: dict[str, Any], /) -> dict[str, str]:
        """Read a JSON document and answer without looking at it."""
        return {}
