"""The canonical tables: what every one of them has, and what their columns promise."""

from __future__ import annotations

import pyarrow as pa
import pytest

from features.records import TABLES, RecordTable
from features.records.schema import PROVENANCE, SHARED

every_table = pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))

#: The tables that the product promises, in the order in which an enterprise's life is told.
NAMES = [
    "enterprise", "licence", "penalty", "inspection", "finding", "sampling_test", "abnormal_list",
    "serious_violation_list", "commitment", "complaint", "annual_report", "change", "relation", "equipment",
    "incident", "credit_repair",
]  # fmt: skip


def test_all_promised_tables_are_there() -> None:
    assert list(TABLES) == NAMES
    assert all(table.name == name for name, table in TABLES.items())


@every_table
def test_shared_columns_come_first_and_no_name_is_used_twice(table: RecordTable) -> None:
    names = [column.name for column in table.all_columns]
    assert names[: len(SHARED)] == [column.name for column in SHARED]
    assert len(set(names)) == len(names)
    assert not set(names) & {column.name for column in PROVENANCE}


@every_table
def test_every_table_and_column_is_named_in_both_languages(table: RecordTable) -> None:
    labels = [table.label, table.event, *(column.label for column in table.all_columns)]
    for label in labels:
        assert any("\u4e00" <= character <= "\u9fff" for character in label["zh"]), label
        assert label["en"].isascii()
        assert label["en"]


@every_table
def test_schemas_have_the_columns_types(table: RecordTable) -> None:
    schema = table.arrow_schema
    assert schema.names == [column.name for column in table.all_columns]
    assert table.stored_schema.names == [*schema.names, "content_hash", "load_id", "source_line"]
    for column in table.all_columns:
        assert (
            schema.field(column.name).type
            == {
                "string": pa.string(),
                "date": pa.date32(),
                "int": pa.int64(),
                "fen": pa.int64(),
                "float": pa.float64(),
                "bool": pa.bool_(),
            }[column.type]
        )


@every_table
def test_columns_bounds_and_codes_fit_their_types(table: RecordTable) -> None:
    for column in table.all_columns:
        if column.codes is not None:
            assert column.type == "string", column.name
            assert len(list(column.codes)) > 1, column.name
        if column.low is not None or column.high is not None:
            assert column.type in {"int", "fen", "float"}, column.name
        if column.low is not None and column.high is not None:
            assert column.low < column.high


def test_a_column_by_name_and_one_that_is_not_there() -> None:
    assert TABLES["penalty"].column("severity").required
    assert TABLES["penalty"].column("expires_at").type == "date"
    with pytest.raises(KeyError, match=r"table 'penalty' has no column 'severty'; it has \['credit_code'"):
        TABLES["penalty"].column("severty")
