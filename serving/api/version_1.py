"""``/v1``: one enterprise, many by code, many by filter, and what is in force."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from features.errors import InputError
from risk_model.publication import Publication
from serving import metrics
from serving.access.principal import Principal, district_prefix
from serving.api.classification import classification
from serving.arrow import ARROW, read_stream, stream_of, wants_arrow
from serving.bodies import JSON, need_media_type, parse_json, read_body
from serving.endpoints import Call, plain, written
from serving.evidence import evidence_for
from serving.listing import COLUMNS, Cursor, Filter, enterprises
from serving.lookup import explained, out_of_scope, row_of, rows_of
from serving.problems import FieldError, Problem
from serving.schemas.requests import BulkRequest
from serving.settings import Settings


def one(call: Call) -> Response:
    """Answer with the published results of an enterprise."""
    publication = call.context.current.publication()
    rows = rows_of(publication, call.path("credit_code"), call.principal)
    if call.query.model is not None:
        rows = [row_of(rows, call.query.model)]
    metrics.answered(metrics.PUBLISHED, ((row["model"], row["tier"]) for row in rows))
    # Its numbers were checked when they were published.
    return written(classification(publication, rows))


def explanation(call: Call) -> Response:
    """Answer with the explanation of a published result."""
    publication = call.context.current.publication()
    found = explained(publication, call.path("credit_code"), call.query.model, call.principal)
    evidence = evidence_for(call, publication, found) if call.query.records == "true" else None
    metrics.answered(metrics.PUBLISHED, [(found.model, found.tier)])
    return plain({"snapshot": publication.name, **found.as_dict(call.query.lang, evidence)})


def history(call: Call) -> Response:
    """Answer with the results of an enterprise in all published classifications, the newest first."""
    code = call.path("credit_code")
    found = [
        {"snapshot": publication.name, "as_of": publication.as_of.isoformat(), **_row(row)}
        for publication in reversed(Publication.all(call.context.home))
        for row in publication.rows(codes=[code], model=call.query.model).to_pylist()
        if call.principal.sees(row)
    ]
    if not found:
        # The same refusal as everywhere, whether the enterprise is unknown or out of scope.
        rows_of(call.context.current.publication(), code, call.principal)
    return plain({"credit_code": code, "results": found})


def listed(call: Call) -> Response:
    """Answer with a page of rows."""
    query = call.query
    after = Cursor.parse(query.cursor) if query.cursor else None
    current = call.context.current
    publication = current.publication() if after is None else current.named(after.snapshot)
    if after is not None and after.order != query.order:
        raise InputError(
            f"the cursor is of order {after.order!r}",
            field="order",
            fix="Ask for the pages after in one order.",
        )
    model = query.model or next(filter(call.principal.sees_sector, publication.models), None)
    if model is None:
        raise out_of_scope()
    known_model(publication, model)
    wanted = Filter(
        model=model,
        district=query.district,
        industry=query.industry,
        tier=query.tier,
        changed=query.changed == "true",
        text=query.q,
    )
    page = enterprises(publication, wanted, call.principal, order=query.order, after=after, limit=query.limit)
    return plain(
        {
            "snapshot": publication.name,
            "as_of": publication.as_of.isoformat(),
            "model": model,
            "results": [_row(row) for row in page.rows],
            "next": page.following,
        }
    )


def known_model(publication: Publication, model: str) -> None:
    """Refuse a model that the classification does not hold.

    Raises
    ------
    InputError
        If it does not.
    """
    if model not in publication.models:
        raise InputError(
            f"there is no model {model!r}", field="model", fix=f"There are {', '.join(publication.models)}."
        )


async def read_bulk(request: HttpRequest, settings: Settings) -> BulkRequest:
    """Read the codes of a bulk request, as JSON or as an Arrow stream with a column ``credit_code``.

    Raises
    ------
    Problem
        If the body is malformed or names too many.
    """
    media_type = need_media_type(request, JSON, ARROW)
    body = await read_body(request, settings.largest_body)
    if media_type == JSON:
        asked = parse_json(body, BulkRequest)
    else:
        model = request.query_params.get("model") or None
        asked = BulkRequest.model_construct(credit_codes=_codes(body), model=model)
    if len(asked.credit_codes) > settings.largest_bulk:
        most = f"{settings.largest_bulk:,}"
        raise Problem(
            413,
            "too-many",
            f"The request names {len(asked.credit_codes):,} enterprises; at most {most} are allowed.",
            [FieldError("credit_codes", f"at most {most}", "Send them in several requests.")],
        )
    return asked


def _codes(body: bytes) -> list[str]:
    table = read_stream(body)
    if table.column_names != ["credit_code"]:
        raise InputError(
            f"the columns are {', '.join(table.column_names) or 'none'}",
            field="credit_code",
            fix="Send one column credit_code of strings.",
        )
    column = table["credit_code"]
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)) or column.null_count:
        raise InputError(
            f"it is {column.type} with {column.null_count} missing",
            field="credit_code",
            fix="Send strings, all set.",
        )
    codes: list[str] = column.to_pylist()
    return codes


def bulk(call: Call) -> Response:
    """Answer with the published rows of many enterprises, as JSON or Arrow, whichever is accepted."""
    publication = call.context.current.publication()
    body: BulkRequest = call.body
    if body.model is not None:
        known_model(publication, body.model)
    codes = list(dict.fromkeys(body.credit_codes))
    table = in_scope(publication.rows(codes=codes, model=body.model, columns=COLUMNS), call.principal)
    metrics.answered(
        metrics.PUBLISHED, zip(table["model"].to_pylist(), table["tier"].to_pylist(), strict=True)
    )
    if wants_arrow(call.http):
        return stream_of(table, {"snapshot": publication.name, "as_of": publication.as_of.isoformat()})
    found = set(table["credit_code"].to_pylist())
    return plain(
        {
            "snapshot": publication.name,
            "as_of": publication.as_of.isoformat(),
            "results": [_row(row) for row in table.to_pylist()],
            "missing": [code for code in codes if code not in found],
        }
    )


def in_scope(table: pa.Table, principal: Principal) -> pa.Table:
    """Return the rows of a table that a caller may see."""
    if principal.sectors is not None:
        table = table.filter(pc.is_in(table["model"], value_set=pa.array(principal.sectors, pa.string())))
    if principal.districts is not None:
        district = table["district"].combine_chunks()
        seen = pa.array([False] * table.num_rows, pa.bool_())
        for given in principal.districts:
            seen = pc.or_(seen, pc.starts_with(district, district_prefix(given)).fill_null(False))
        table = table.filter(seen)
    return table


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in COLUMNS}


def in_force(call: Call) -> Response:
    """Answer with the classification and the champions in force."""
    current = call.context.current
    publication = current.publication()
    document = publication.document
    return plain(
        {
            "snapshot": publication.name,
            "as_of": publication.as_of.isoformat(),
            "created_at": document["created_at"],
            "data_snapshot": str(document["data_snapshot"]),
            "enterprises": document["enterprises"],
            "models": [
                {
                    "model": name,
                    **{
                        key: told[key]
                        for key in ("version", "title", "target", "rows", "tiers", "decided_by")
                    },
                    "prior": told["prior"],
                    "cuts": told["cuts"],
                    "largest_residual": told["largest_residual"],
                }
                for name, told in document["models"].items()
                if call.principal.sees_sector(name)
            ],
            "champions": current.champions().versions,
        }
    )
