"""Scoring the records of many enterprises in one request, in JSON or Arrow: each as it is scored alone."""

from __future__ import annotations

from collections.abc import Sequence

import anyio.to_thread
import numpy as np
import pyarrow as pa
from pydantic import ValidationError
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from features.kernel.many import ManyRecords
from risk_model.calibration import probability
from risk_model.explanation.explanation import Explanation
from risk_model.model import Contributions
from risk_model.scoring import MANY, Scored
from risk_model.tiers.headline import decisive
from serving import metrics
from serving.api.scoring import decisive_model, name_in_force, notes, short
from serving.arrow import ARROW, read_stream, stream_of, wants_arrow
from serving.bodies import JSON, need_media_type, parse_json, problem_of, read_body
from serving.endpoints import Call, written
from serving.lookup import assured, assured_columns
from serving.problems import FieldError, Problem
from serving.schemas.batch import BatchColumns, BatchRequest, check_columns, rows_of_arrow
from serving.schemas.columns import columns_of
from serving.schemas.records import to_tables
from serving.settings import Settings

#: Records of one enterprise, on average, that a request may bring.
RECORDS_EACH = 500
#: Enterprises that are scored at once: enough to share what each costs by itself, not all of their memory.
TOGETHER = 500
#: In columns, where that takes more; some tens of megabytes.
TOGETHER_IN_COLUMNS = 5_000

ROWS = pa.schema(
    [
        ("credit_code", pa.string()),
        ("as_of", pa.date32()),
        ("model", pa.string()),
        ("decisive", pa.bool_()),
        ("version", pa.string()),
        ("score", pa.float64()),
        ("probability", pa.float64()),
        ("margin", pa.float64()),
        ("tier", pa.string()),
        ("tier_by_score", pa.string()),
        ("decided_by", pa.string()),
        ("records", pa.int64()),
    ]
)
EXPLAINED = pa.schema(
    [*ROWS, ("base_value", pa.float64()), ("contributions", pa.map_(pa.string(), pa.float64()))]
)


async def read(request: HttpRequest, settings: Settings) -> BatchRequest | BatchColumns:
    """Read the records, as JSON or as an Arrow stream; columns if the answer is to be columns as well.

    Raises
    ------
    Problem
        If the body is malformed or holds too many.
    """
    media_type = need_media_type(request, JSON, ARROW)
    body = await read_body(request, settings.largest_batch_body)
    explain = request.query_params.get("explain", "false")
    # Beside the event loop: a large body takes a while.
    return await anyio.to_thread.run_sync(_parsed, media_type, body, explain, wants_arrow(request), settings)


def _parsed(
    media_type: str, body: bytes, explain: str, in_columns: bool, settings: Settings
) -> BatchRequest | BatchColumns:
    if media_type == JSON:
        asked = parse_json(body, BatchRequest)
        _need_few(len(asked.enterprises), settings.largest_batch)
        return asked
    if explain not in ("true", "false"):
        raise Problem(
            422,
            "invalid-query",
            f"explain: got {explain[:20]!r}.",
            [FieldError("explain", "it is neither true nor false", "Send true or false.")],
        )
    table = read_stream(body)
    _need_few(table.num_rows, settings.largest_batch)
    check_columns(table, RECORDS_EACH * settings.largest_batch)
    records = columns_of(table) if in_columns and table.num_rows >= MANY else None
    if records is not None:
        return BatchColumns(records, explain == "true")
    try:
        return BatchRequest.model_validate(
            {"enterprises": rows_of_arrow(table), "explain": explain == "true"}
        )
    except ValidationError as error:
        raise problem_of(error, BatchRequest) from None


def score(call: Call) -> Response:
    """Answer with the scores of the records, as JSON or Arrow, whichever is accepted."""
    if isinstance(call.body, BatchColumns):
        return _in_columns(call, call.body.records, call.body.explain)
    body: BatchRequest = call.body
    current = call.context.current
    asked = [
        (
            to_tables(one.records, one.credit_code, as_of=one.as_of, field=f"enterprises[{place}].records"),
            one.credit_code,
            one.as_of,
        )
        for place, one in enumerate(body.enterprises)
    ]
    if wants_arrow(call.http):
        return _in_columns(call, ManyRecords.of(asked), body.explain)
    scorer = current.champions().scorer
    scored: list[dict[str, Explanation]] = []
    for begin in range(0, len(asked), TOGETHER):
        scored += [
            {
                model: assured(result, "a request")
                for model, result in found.items()
                if call.principal.sees_sector(model)
            }
            for found in scorer.score_many(asked[begin : begin + TOGETHER])
        ]
    metrics.answered(metrics.SCORED, ((m, one.tier) for found in scored for m, one in found.items()))
    snapshot = name_in_force(current)
    return written(
        {
            "snapshot": snapshot,
            "results": [
                {
                    "credit_code": one.credit_code,
                    "as_of": one.as_of,
                    "decisive": decisive_model(results),
                    "results": [
                        {"snapshot": snapshot, **(r.as_dict(body.lang) if body.explain else short(r))}
                        for r in results.values()
                    ],
                    "notes": notes(one.records, one.as_of),
                }
                for one, results in zip(body.enterprises, scored, strict=True)
            ],
        }
    )


def _in_columns(call: Call, records: ManyRecords, explain: bool) -> Response:
    current = call.context.current
    scorer = current.champions().scorer
    parts = []
    for begin in range(0, len(records), TOGETHER_IN_COLUMNS):
        some = records.between(begin, begin + TOGETHER_IN_COLUMNS)
        found = [
            (scored, contributions)
            for scored, contributions in scorer.score_columns(some)
            if call.principal.sees_sector(scored.model)
        ]
        for scored, contributions in found:
            assured_columns(scored, contributions, some.codes, "a request")
            metrics.answered(metrics.SCORED, ((scored.model, tier) for tier in scored.tier.tolist()))
        parts.append(_table(some, found, explain))
    return stream_of(pa.concat_tables(parts).combine_chunks(), {"snapshot": name_in_force(current) or ""})


def _table(records: ManyRecords, found: Sequence[tuple[Scored, Contributions]], explain: bool) -> pa.Table:
    """Return a row an enterprise and model, those of the first enterprise first."""
    schema = EXPLAINED if explain else ROWS
    if not found:
        return schema.empty_table()
    whose = np.concatenate([scored.places for scored, _ in found])
    rows = pa.concat_tables(_columns(scored, told, explain) for scored, told in found).combine_chunks()
    rows = rows.append_column(
        "decisive", pa.array(decisive(whose, rows["model"], rows["tier"], rows["score"].to_numpy()))
    )
    days = pa.array(records.as_of.astype(np.int32)).cast(pa.date32())
    for name, values in (("credit_code", records.codes), ("as_of", days)):
        rows = rows.append_column(name, values.take(pa.array(whose)))
    return rows.take(np.argsort(whose, kind="stable")).select(schema.names).cast(schema)


def _columns(scored: Scored, told: Contributions, explain: bool) -> pa.Table:
    count = len(scored.places)
    columns = {
        "model": pa.repeat(scored.model, count),
        "version": pa.repeat(scored.version, count),
        "score": scored.score,
        "probability": probability(scored.margin),
        "margin": scored.margin,
        **{
            name: pa.array(getattr(scored, name), pa.string())
            for name in ("tier", "tier_by_score", "decided_by")
        },
        "records": scored.records,
    }
    if explain:
        adds = told.values != 0
        offsets = np.concatenate([[0], np.cumsum(adds.sum(axis=1))]).astype(np.int32)
        names = pa.array(told.names, pa.string()).take(pa.array(np.nonzero(adds)[1]))
        columns["base_value"] = pa.array(np.full(count, told.base))
        columns["contributions"] = pa.MapArray.from_arrays(offsets, names, pa.array(told.values[adds]))
    return pa.table(columns)


def _need_few(count: int, most: int) -> None:
    if count > most:
        raise Problem(
            413,
            "too-many",
            f"The request holds {count:,} enterprises; at most {most:,} are allowed.",
            [FieldError("enterprises", f"at most {most:,}", "Send them in several requests.")],
        )
    if count == 0:
        raise Problem(
            422,
            "invalid-body",
            "enterprises: there are none.",
            [FieldError("enterprises", "there are none", "Send at least one.")],
        )
