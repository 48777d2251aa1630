"""The canonical records: tables, code sets, and the credit code."""

from features.records.schema import CodeSet, Column, Label, RecordTable
from features.records.tables import TABLES

__all__ = ["TABLES", "CodeSet", "Column", "Label", "RecordTable"]
