"""Results of a benchmark that is measured case by case: kept in a file, so that it can be done in turns."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
#: What decides the figures.
SOURCES = ("benchmarks", "features", "models", "risk_model")


def sources_digest(root: Path = ROOT) -> str:
    """Return a SHA-256 of the code and models that figures come from."""
    digest = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in {".py", ".yaml", ".csv"}:
                digest.update(str(path.relative_to(root)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


@dataclass
class CaseResults:
    """Cases that are measured already.

    Parameters
    ----------
    path
        File that they are kept in; None: nowhere.
    """

    path: Path | None
    _found: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path is not None and self.path.is_file():
            self._found = json.loads(self.path.read_text(encoding="utf-8"))

    @staticmethod
    def _plain(value: Any) -> Any:
        return json.loads(json.dumps(value, default=float))

    def has(self, case: str, effort: dict[str, Any]) -> bool:
        """Return whether a case is measured, with so much effort."""
        found = self._found.get(case)
        return found is not None and found["effort"] == self._plain(effort)

    def put(
        self, case: str, effort: dict[str, Any], figures: dict[str, Any], aims: dict[str, Any], seconds: float
    ) -> None:
        """Keep a case, in the file at once."""
        self._found[case] = self._plain(
            {
                "effort": effort,
                "measured": datetime.now(UTC).isoformat(timespec="seconds"),
                "seconds": round(seconds, 1),
                "sources": sources_digest(),
                "figures": figures,
                "aims": aims,
            }
        )
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            work = self.path.with_suffix(".writing")
            work.write_text(json.dumps(self._found, ensure_ascii=False, indent=1), encoding="utf-8")
            work.replace(self.path)

    def document(self, cases: tuple[str, ...]) -> dict[str, Any]:
        """Return figures and aims of cases together, with when each was measured and by which sources."""
        now = sources_digest()
        figures: dict[str, Any] = {"measured": {}}
        aims: dict[str, Any] = {}
        for case in cases:
            found = self._found[case]
            figures["measured"][case] = {
                "at": found["measured"],
                "seconds": found["seconds"],
                "by the present sources": found["sources"] == now,
            }
            figures |= found["figures"]
            aims |= found["aims"]
        return {"ratios": {}, "figures": figures, "aims": aims}
