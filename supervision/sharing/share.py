"""A data package for one role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from features.errors import InputError
from features.home import Home
from features.records import TABLES
from features.records.schema import Label
from features.store import RecordStore
from supervision.inputs import publication_on
from supervision.packages import DESCRIPTOR, PackageTable, write_package
from supervision.publicity.review import withheld_on
from supervision.publicity.rules import load_publicity
from supervision.publicity.selection import COMMON, publishable, records_for_publication
from supervision.records import known_on
from supervision.sampling.calendar import months_later
from supervision.sharing.partner_risk import LABELS, partner_risk
from supervision.sharing.rules import load_sharing

TIER_LABELS = {
    "model": Label("模型", "model"),
    "tier": Label("信用风险类别", "tier of credit risk"),
    "as_of": Label("分类日期", "date of the classification"),
}


@dataclass(frozen=True)
class ShareReport:
    """What was written for whom."""

    role: str
    on: date
    folder: Path
    records: int
    rows: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {**self.__dict__, "folder": str(self.folder)}


def share(home: Home, role: str, out: Path, on: date) -> ShareReport:
    """Write the data package that a role may have.

    Parameters
    ----------
    home
        Where everything lies.
    role
        One of the roles of the rules.
    out
        Folder of the package; one that holds another package is written over.
    on
        The day.

    Raises
    ------
    InputError
        If there is no such role, the folder holds something else, or there are no records.
    """
    sharing = load_sharing(on)
    told = sharing.role(role)
    if out.exists() and any(out.iterdir()) and not (out / DESCRIPTOR).is_file():
        raise InputError(
            f"{out} is not empty and holds no data package", field="out", fix="Give another folder."
        )
    snapshot = RecordStore(home.store).snapshot()
    rules = load_publicity(on)
    kept_back = withheld_on(home, on)
    published = publishable(records_for_publication(snapshot, rules), on, rules, kept_back)
    tables: dict[str, PackageTable] = {}
    if told.publication:
        for name, rows in published.tables.items():
            label = rules.published[name].label
            tables[name] = PackageTable(rows, Label(label.zh, label.en), source=rules.published[name].source)
    for name, columns in told.tables.items():
        rows = known_on(snapshot, name, on, columns=[*COMMON, *columns])
        if name != "equipment":
            # A device is no record of conduct: its state does not age.
            oldest = pa.scalar(months_later(on, -sharing.months), pa.date32())
            rows = rows.filter(pc.greater(rows["event_date"], oldest))
        rows = _not_withheld(rows.drop(["visible_from", "visible_to"]), kept_back)
        tables[name] = PackageTable(rows, TABLES[name].label, source=told.source)
    if told.tiers:
        tables["tiers"] = PackageTable(
            _tiers(home, on), Label("信用风险分类结果", "tiers"), TIER_LABELS, told.source
        )
    if told.partner_risk:
        tables["partner_risk"] = PackageTable(
            partner_risk(published), Label("合作方风险视图", "partner-risk view"), LABELS, told.source
        )
    for stale in out.glob("*"):
        if stale.suffix in (".csv", ".parquet"):
            stale.unlink()
    write_package(
        out,
        name=f"credit-information-{role}",
        title=Label(f"企业信用信息共享（{told.label.zh}）", f"credit information for {told.label.en}"),
        on=on,
        tables=tables,
        role=role,
        basis=told.source,
        trust=told.trust,
        records=snapshot.id,
    )
    rows_written = {name: table.rows.num_rows for name, table in tables.items()}
    return ShareReport(role, on, out, snapshot.id, rows_written)


def partner_view(home: Home, credit_code: str, on: date) -> dict[str, Any]:
    """Return what a partner may know of one enterprise on a day.

    Raises
    ------
    InputError
        If nothing may be told of it.
    """
    snapshot = RecordStore(home.store).snapshot()
    rules = load_publicity(on)
    records = records_for_publication(snapshot, rules, codes=(credit_code, credit_code))
    rows = partner_risk(publishable(records, on, rules, withheld_on(home, on))).to_pylist()
    if not rows:
        raise InputError(
            f"nothing is published of {credit_code} on {on}", field="credit_code", fix="Check the code."
        )
    view: dict[str, Any] = rows[0]
    return view


def _tiers(home: Home, on: date) -> pa.Table:
    """Return code, model and tier of the classification in force on a day, if there is one."""
    publication = publication_on(home, on)
    if publication is None:
        return pa.table(
            {name: pa.array([], pa.string()) for name in ("credit_code", "model", "tier")}
            | {"as_of": pa.array([], pa.date32())}
        )
    rows = publication.rows(columns=["credit_code", "model", "tier"])
    return rows.append_column("as_of", pa.array([publication.as_of] * rows.num_rows, pa.date32()))


def _not_withheld(rows: pa.Table, kept_back: set[tuple[str, str]]) -> pa.Table:
    if not kept_back:
        return rows
    keys = zip(rows["credit_code"].to_pylist(), rows["record_id"].to_pylist(), strict=True)
    return rows.filter(pa.array([key not in kept_back for key in keys], pa.bool_()))
