"""The canonical record tables, one a module."""

from __future__ import annotations

from collections.abc import Mapping

from features.records.schema import RecordTable
from features.records.tables import (
    abnormal_list,
    annual_report,
    change,
    commitment,
    complaint,
    credit_repair,
    enterprise,
    equipment,
    finding,
    incident,
    inspection,
    licence,
    penalty,
    relation,
    sampling_test,
    serious_violation_list,
)

#: Every table by name, in the order in which an enterprise's life is told.
TABLES: Mapping[str, RecordTable] = {
    table.name: table
    for table in (
        enterprise.TABLE,
        licence.TABLE,
        penalty.TABLE,
        inspection.TABLE,
        finding.TABLE,
        sampling_test.TABLE,
        abnormal_list.TABLE,
        serious_violation_list.TABLE,
        commitment.TABLE,
        complaint.TABLE,
        annual_report.TABLE,
        change.TABLE,
        relation.TABLE,
        equipment.TABLE,
        incident.TABLE,
        credit_repair.TABLE,
    )
}
