"""What kinds of credit codes the records are gathered under."""

from __future__ import annotations

import duckdb
import pandas as pd
import pyarrow as pa

from features.records.credit_code import classify
from features.store import Snapshot
from features.store.versions import parquet


def code_kinds(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> pd.DataFrame:
    """Return rows and codes by table, provider and kind of code.

    Notes
    -----
    Codes that identify nobody (wrong check character, malformed, missing) never reach the store: they are
    in the quarantine. What is stored is valid, of a generation before 2015, or of another register.
    """
    codes = snapshot.codes()
    kinds = classify(pd.Series(codes.to_pandas(), dtype="string"))
    known = pa.table({"credit_code": codes, "code_kind": pa.array(kinds.astype(object), type=pa.string())})
    connection.register("known_codes", known)
    parts = [pd.DataFrame(columns=["table", "provider", "kind", "rows", "codes"])]
    for table in snapshot.counts():
        query = f"""
        SELECT $table AS "table", provider, code_kind AS kind, count(*) AS "rows",
            count(DISTINCT credit_code) AS codes
        FROM {parquet(snapshot.files(table))} JOIN known_codes USING (credit_code)
        GROUP BY provider, code_kind ORDER BY provider, code_kind
        """
        parts.append(connection.execute(query, {"table": table}).df())
    connection.unregister("known_codes")
    return pd.concat(parts[1:] or parts, ignore_index=True)
