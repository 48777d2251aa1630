"""Single items found wrong at the inspections of a plan, each linked to its inspection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from features.errors import InputError
from features.records import codes

REQUIRED = ("credit_code", "item", "severity")
OPTIONAL = ("domain", "fined")


def read_findings(file: Path, inspections: Sequence[Mapping[str, Any]], plan: str) -> list[dict[str, Any]]:
    """Return finding records from a file.

    Parameters
    ----------
    file
        CSV: ``credit_code``, ``item`` (in words), ``severity`` (critical, serious, minor); for a joint visit
        ``domain``; if known ``fined``, in yuan.
    inspections
        Rows of the plan's inspections to which findings may belong.
    plan
        Name of the plan, for the record identifiers.

    Returns
    -------
    list of dict
        Rows of the table ``finding``; day, authority and day of recording are the inspection's, and
        ``inspection_id`` names it.

    Raises
    ------
    InputError
        Naming the line: a column that is not known, no such inspection, no such severity.
    """
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"there is no file {file}", field="findings") from None
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{file.name} cannot be read: {error}", field="findings") from None
    missing = [c for c in REQUIRED if c not in table.columns]
    unknown = [c for c in table.columns if c not in (*REQUIRED, *OPTIONAL)]
    if missing or unknown:
        what = f"lacks {', '.join(missing)}" if missing else f"has unknown columns {', '.join(unknown)}"
        raise InputError(
            f"{file.name} {what}",
            field=(missing or unknown)[0],
            fix=f"Known are {', '.join((*REQUIRED, *OPTIONAL))}.",
        )
    held: dict[str, list[Mapping[str, Any]]] = {}
    for inspection in inspections:
        held.setdefault(str(inspection["credit_code"]), []).append(inspection)
    counted: dict[str, int] = {}
    rows = []
    for line, given in enumerate(table.to_dict("records"), start=2):
        try:
            inspection = _inspection(given, held)
            number = counted[inspection["record_id"]] = counted.get(inspection["record_id"], 0) + 1
            rows.append({**_row(given, inspection, plan, number), "source_line": line})
        except InputError as error:
            raise InputError(
                f"{file.name}, line {line}: {error.message}", field=error.field, fix=error.fix
            ) from None
    return rows


def _inspection(given: Mapping[Any, str], held: Mapping[str, list[Mapping[str, Any]]]) -> Mapping[str, Any]:
    code, domain = given["credit_code"].strip(), given.get("domain", "").strip()
    found = [one for one in held.get(code, []) if domain in {"", one["domain"]}]
    if len(found) != 1:
        raise InputError(
            f"{len(found)} inspections of {code or 'nobody'} {domain} are in the results".replace("  ", " "),
            field="domain" if found else "credit_code",
            fix="Give the result first, and for a joint visit the domain.",
        )
    return found[0]


def _row(given: Mapping[Any, str], inspection: Mapping[str, Any], plan: str, number: int) -> dict[str, Any]:
    severity, fined = given["severity"].strip(), given.get("fined", "").strip()
    if severity not in codes.ITEM_SEVERITY:
        raise InputError(
            f"{severity!r} is no severity",
            field="severity",
            fix=f"Use one of {', '.join(codes.ITEM_SEVERITY)}.",
        )
    if not given["item"].strip():
        msg = "no item is named"
        raise InputError(msg, field="item")
    if fined and not fined.isdigit():
        raise InputError(f"{fined!r} is no whole number of yuan", field="fined")
    own = str(inspection["record_id"]).removeprefix(f"inspection:{plan}:")
    return {
        "credit_code": inspection["credit_code"],
        "event_date": inspection["event_date"],
        "recorded_at": inspection["recorded_at"],
        "provider": inspection["provider"],
        "record_id": f"finding:{plan}:{own}:{number}",
        "inspection_id": inspection["record_id"],
        "item": given["item"].strip(),
        "severity": severity,
        "domain": inspection["domain"],
        "fined": int(fined) * 100 if fined else None,
    }
