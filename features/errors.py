"""The one error that a user can mend."""

from __future__ import annotations

from typing import Any


class InputError(ValueError):
    """Input that cannot be used, with the place and the remedy.

    The command line prints it and exits with 2; the service answers 4xx with it.

    Parameters
    ----------
    message
        What was got and what was expected, in one sentence.
    field
        The option, column or JSON path at fault.
    fix
        What the user can do about it.
    """

    def __init__(self, message: str, *, field: str | None = None, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.fix = fix

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        if not self.fix:
            return f"{where}{self.message}"
        stop = "" if self.message.endswith((".", "!", "?", "。", "，", ":")) else "."
        return f"{where}{self.message}{stop} {self.fix}"

    def as_dict(self) -> dict[str, Any]:
        """Return the error as plain data for JSON answers."""
        return {"error": self.message, "field": self.field, "fix": self.fix}
