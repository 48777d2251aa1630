"""Enterprises of a published classification by district, industry, tier and name: filtered, counted, paged.

DuckDB reads the Parquet file in place; nothing is loaded.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import duckdb
import pyarrow as pa

from features.errors import InputError
from risk_model.publication import Publication
from risk_model.publication.layout import CLASSIFICATION
from risk_model.scale import INSUFFICIENT, TIERS
from serving.access.principal import Principal, district_prefix

Order = Literal["risk", "code"]
COLUMNS = (
    "credit_code", "name", "district", "industry", "enterprise_type", "model", "version", "score", "margin",
    "probability", "tier", "tier_by_score", "decided_by", "previous_tier", "records", "top_reasons",
)  # fmt: skip


@dataclass(frozen=True)
class Filter:
    """Which rows are asked for.

    Attributes
    ----------
    model
        Rows of this model.
    district
        GB/T 2260 code; one that ends in 00 stands for all below it.
    industry
        GB/T 4754 section letter or code; stands for all below it.
    tier
        Only this tier.
    changed
        Only enterprises whose tier is not that of the last classification.
    text
        Part of the name, or the beginning of the credit code.
    """

    model: str
    district: str | None = None
    industry: str | None = None
    tier: str | None = None
    changed: bool = False
    text: str | None = None


@dataclass(frozen=True)
class Page:
    """Some rows in order, and where the next ones begin.

    Attributes
    ----------
    rows
        The rows.
    following
        Cursor of the next page; None if there is none.
    """

    rows: list[dict[str, Any]]
    following: str | None


@dataclass(frozen=True)
class Cursor:
    """The place after the last row of a page, in one classification that does not change.

    Attributes
    ----------
    snapshot
        Name of the classification: the next page is of the same one, whatever is in force by then.
    order, score, credit_code
        The last row, in this order.
    """

    snapshot: str
    order: Order
    score: float
    credit_code: str

    def text(self) -> str:
        """Return the cursor as a token."""
        content = json.dumps([self.snapshot, self.order, self.score, self.credit_code])
        return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, token: str) -> Cursor:
        """Read a token.

        Raises
        ------
        InputError
            If it is none that this service made.
        """
        try:
            content = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
            snapshot, order, score, code = content
        except (ValueError, TypeError):
            raise _no_cursor() from None
        known = isinstance(snapshot, str) and isinstance(code, str) and order in ("risk", "code")
        if not known or not isinstance(score, int | float) or isinstance(score, bool):
            raise _no_cursor()
        return cls(snapshot, order, float(score), code)


def _no_cursor() -> InputError:
    return InputError(
        "it is no cursor of this service",
        field="cursor",
        fix="Take it from the answer before, unchanged, or leave it out.",
    )


def enterprises(
    publication: Publication,
    wanted: Filter,
    principal: Principal,
    *,
    order: Order = "risk",
    after: Cursor | None = None,
    limit: int = 50,
) -> Page:
    """Return a page of rows.

    Parameters
    ----------
    publication
        The classification.
    wanted
        Which rows.
    principal
        Rows out of its scope are not there.
    order
        ``risk``: the highest score first; ``code``: by credit code.
    after
        Where the page begins.
    limit
        Rows of a page.
    """
    condition, values = _where(wanted, principal)
    if after is not None:
        if order == "risk":
            condition += " AND (score < $score OR (score = $score AND credit_code > $code))"
            values["score"] = after.score
        else:
            condition += " AND credit_code > $code"
        values["code"] = after.credit_code
    by = "score DESC, credit_code" if order == "risk" else "credit_code"
    columns = ", ".join(COLUMNS)
    table = _ask(
        publication,
        f"SELECT {columns} FROM read_parquet($file) WHERE {condition} ORDER BY {by} LIMIT {int(limit) + 1}",
        values,
    )
    rows = table.to_pylist()
    if len(rows) <= limit:
        return Page(rows, None)
    last = rows[limit - 1]
    return Page(rows[:limit], Cursor(publication.name, order, last["score"], last["credit_code"]).text())


def tier_counts(publication: Publication, wanted: Filter, principal: Principal) -> dict[str, int]:
    """Return tier → number of rows, whatever tier the filter names."""
    condition, values = _where(replace(wanted, tier=None), principal)
    table = _ask(
        publication,
        f"SELECT tier, count(*) AS n FROM read_parquet($file) WHERE {condition} GROUP BY tier",
        values,
    )
    found = dict(zip(table["tier"].to_pylist(), table["n"].to_pylist(), strict=True))
    return {tier: found.get(tier, 0) for tier in (*TIERS, INSUFFICIENT)}


def district_counts(
    publication: Publication, wanted: Filter, principal: Principal
) -> list[tuple[str, int, int]]:
    """Return district, number of rows and number in tiers C and D, by district code."""
    condition, values = _where(replace(wanted, tier=None, district=None), principal)
    table = _ask(
        publication,
        "SELECT coalesce(district, '') AS district, count(*) AS n, "
        "count(*) FILTER (tier IN ('C', 'D')) AS risky "
        f"FROM read_parquet($file) WHERE {condition} GROUP BY 1 ORDER BY 1",
        values,
    )
    return list(zip(*(table[name].to_pylist() for name in ("district", "n", "risky")), strict=True))


def industry_counts(
    publication: Publication, wanted: Filter, principal: Principal
) -> list[tuple[str, dict[str, int]]]:
    """Return industry section and its number of rows by tier, the largest section first."""
    condition, values = _where(replace(wanted, tier=None), principal)
    table = _ask(
        publication,
        "SELECT coalesce(left(industry, 1), '') AS section, tier, count(*) AS n "
        f"FROM read_parquet($file) WHERE {condition} GROUP BY 1, 2",
        values,
    )
    found: dict[str, dict[str, int]] = {}
    for row in table.to_pylist():
        tiers = found.setdefault(row["section"], dict.fromkeys((*TIERS, INSUFFICIENT), 0))
        tiers[row["tier"]] = row["n"]
    return sorted(found.items(), key=lambda item: (-sum(item[1].values()), item[0]))


def _where(wanted: Filter, principal: Principal) -> tuple[str, dict[str, Any]]:
    conditions = ["model = $model"]
    values: dict[str, Any] = {"model": wanted.model}
    if wanted.district:
        conditions.append("starts_with(district, $district)")
        values["district"] = district_prefix(wanted.district)
    if wanted.industry:
        conditions.append("starts_with(industry, $industry)")
        values["industry"] = wanted.industry
    if wanted.tier:
        conditions.append("tier = $tier")
        values["tier"] = wanted.tier
    if wanted.changed:
        conditions.append("previous_tier IS NOT NULL AND previous_tier <> tier")
    if wanted.text:
        conditions.append("(contains(lower(name), lower($text)) OR starts_with(credit_code, upper($text)))")
        values["text"] = wanted.text.strip()
    if principal.sectors is not None:
        conditions.append("list_contains($sectors, model)")
        values["sectors"] = list(principal.sectors)
    if principal.districts is not None:
        conditions.append(_any_prefix("district", [district_prefix(d) for d in principal.districts], values))
    return " AND ".join(conditions), values


def _any_prefix(column: str, prefixes: Sequence[str], values: dict[str, Any]) -> str:
    if not prefixes:
        return "false"
    names = []
    for place, prefix in enumerate(prefixes):
        values[f"scope{place}"] = prefix
        names.append(f"starts_with({column}, $scope{place})")
    return f"({' OR '.join(names)})"


def _ask(publication: Publication, query: str, values: dict[str, Any]) -> pa.Table:
    with _connection().cursor() as cursor:
        values = {"file": publication.files(CLASSIFICATION), **values}
        return cursor.sql(query, params=values).to_arrow_table()


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        ":memory:",
        # Nothing is fetched from anywhere, and the service's own work goes on beside a query.
        config={
            "threads": 2,
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
