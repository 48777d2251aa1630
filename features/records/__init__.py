"""The canonical records: tables, code sets, and the credit code."""

from features.records.schema import ENDS, CodeSet, Column, Label, RecordTable
from features.records.tables import TABLES

__all__ = ["ENDS", "TABLES", "CodeSet", "Column", "Label", "RecordTable"]
