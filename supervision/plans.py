"""Plans on disk: ``<home>/plans/<sector>-<month>-<n>/``."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from features.errors import InputError
from risk_model.scale import TIER_WORDS
from risk_model.specification import Strict
from supervision.assignment.assigning import DESIGN as ASSIGNMENT_DESIGN
from supervision.assignment.assigning import Assignment
from supervision.assignment.pool import SEPARATOR, pool_as_json, pool_digest
from supervision.assignment.rules import AssignmentRules
from supervision.plan_rules import PlanRules
from supervision.sampling.frame import INPUT_COLUMNS
from supervision.sampling.planning import DESIGN, Plan
from supervision.sampling.reasons import PART_WORDS, REASON_WORDS

DOCUMENT, FRAME, SELECTED = "plan.json", "frame.parquet", "selected.csv"
#: Only in plans with inspectors: the pool that they were drawn from, and who inspects whom.
POOL, TEAMS = "inspectors.json", "teams.csv"

#: Column of ``selected.csv`` → its Chinese heading.
HEADINGS = {
    "credit_code": "统一社会信用代码",
    "name": "企业名称",
    "district": "行政区划",
    "tier": "信用风险类别",
    "tier_label": "类别名称",
    "probability": "发现问题概率",
    "part": "产生方式",
    "reason": "列入原因",
    "key_reason": "重点监管依据",
    "inclusion_probability": "抽中概率",
    "last_inspected": "上次检查日期",
    "last_full_inspection": "上次全项目检查日期",
    "sectors": "联合检查部门",
}
TEAM_HEADINGS = {"inspector_ids": "检查人员编号", "inspectors": "检查人员", "assigned": "选派情况"}
ASSIGNED_WORDS = {
    "assigned": "已选派",
    "without_eligible": "无足够符合条件的检查人员",
    "beyond_workload": "检查人员工作量已满",
}


class AssignmentDocument(Strict):
    """What ``plan.json`` holds of the assignment of inspectors, beside the pool."""

    design: str
    rules: AssignmentRules
    pool_sha256: str
    fingerprint: str
    summary: dict[str, Any]


class PlanDocument(Strict):
    """What ``plan.json`` holds: all inputs but the candidates, and the plan in numbers.

    Attributes
    ----------
    design
        Name of the way from inputs to selection.
    number
        The how-manieth plan of this sector and month; more than one should be explained.
    snapshot
        Name of the published classification.
    context
        Anything else that says where the candidates came from.
    assignment
        The assignment of inspectors, if there was one.
    """

    format: int
    design: str
    name: str
    number: int
    made_at: datetime
    sector: str
    month: str
    capacity: int
    seed: str
    seed_commitment: str
    snapshot: str | None
    context: dict[str, Any]
    rules: PlanRules
    frame_sha256: str
    fingerprint: str
    summary: dict[str, Any]
    assignment: AssignmentDocument | None = None


@dataclass(frozen=True)
class StoredPlan:
    """A plan as it lies on disk, unverified."""

    folder: Path
    document: PlanDocument
    frame: pd.DataFrame


def save_plan(
    plan: Plan,
    plans: Path,
    *,
    snapshot: str | None = None,
    context: dict[str, Any] | None = None,
    assignment: Assignment | None = None,
) -> Path:
    """Write a plan to a folder of its own and return the folder.

    Parameters
    ----------
    plan
        The plan.
    plans
        Folder of all plans.
    snapshot
        Name of the published classification that the candidates came from.
    context
        Anything else that says where they came from; plain data.
    assignment
        Who inspects whom, if inspectors were assigned.

    Notes
    -----
    The folder appears in one rename, and never takes the place of an earlier plan: a second draw for a
    month gets the number 2, and so can be seen.
    """
    plans.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".making-", dir=plans))
    try:
        # mkdtemp makes folders that only their owner may read.
        work.chmod(0o755)
        pq.write_table(_arrow(plan.frame), work / FRAME, compression="zstd")
        _csv(plan.selected).to_csv(work / SELECTED, index=False, encoding="utf-8-sig")
        if assignment is not None:
            (work / POOL).write_text(pool_as_json(list(assignment.pool)) + "\n", encoding="utf-8")
            _teams(plan, assignment).to_csv(work / TEAMS, index=False, encoding="utf-8-sig")
        number = 1
        while True:
            name = f"{plan.sector}-{plan.month}-{number}"
            if not (plans / name).exists():
                document = _document(plan, name, number, snapshot, context or {}, assignment)
                (work / DOCUMENT).write_text(document.model_dump_json(indent=2) + "\n", encoding="utf-8")
                try:
                    os.rename(work, plans / name)  # noqa: PTH104 - Path.rename says the same
                    return plans / name
                except OSError:
                    # Another plan took the name meanwhile; anything else is an error.
                    if not (plans / name).exists():
                        raise
            number += 1
    finally:
        shutil.rmtree(work, ignore_errors=True)


def read_plan(folder: Path) -> StoredPlan:
    """Read a plan's folder.

    Raises
    ------
    InputError
        If there is no plan, or its files cannot be read.
    """
    for file in (DOCUMENT, FRAME):
        if not (folder / file).is_file():
            raise InputError(
                f"there is no {file} in {folder}", field="plan", fix="Give the folder of a plan, or its name."
            )
    try:
        document = PlanDocument.model_validate_json((folder / DOCUMENT).read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise InputError(f"{DOCUMENT} is not a plan: {what}", field=DOCUMENT) from None
    if document.design != DESIGN:
        raise InputError(
            f"the plan was made by design {document.design!r}, but this version knows {DESIGN!r}",
            field="design",
            fix="Verify it with the version of the program that made it.",
        )
    try:
        frame = pq.read_table(folder / FRAME).to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{FRAME} cannot be read: {error}", field=FRAME) from None
    return StoredPlan(folder, document, frame)


def selected_codes(folder: Path) -> list[str]:
    """Return the credit codes in ``selected.csv``."""
    table = pd.read_csv(folder / SELECTED, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    return [code.strip() for code in table[_heading("credit_code")]]


def _document(
    plan: Plan,
    name: str,
    number: int,
    snapshot: str | None,
    context: dict[str, Any],
    assignment: Assignment | None,
) -> PlanDocument:
    return PlanDocument(
        format=1,
        design=DESIGN,
        name=name,
        number=number,
        made_at=datetime.now(UTC),
        sector=plan.sector,
        month=plan.month,
        capacity=plan.capacity,
        seed=plan.seed,
        seed_commitment=plan.commitment,
        snapshot=snapshot,
        context=json.loads(json.dumps(context, default=str)),
        rules=plan.rules,
        frame_sha256=plan.frame_sha256,
        fingerprint=plan.fingerprint,
        summary=plan.summary.as_dict(),
        assignment=None
        if assignment is None
        else AssignmentDocument(
            design=ASSIGNMENT_DESIGN,
            rules=assignment.rules,
            pool_sha256=pool_digest(list(assignment.pool)),
            **assignment.as_dict(),
        ),
    )


def read_teams(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return credit code → identifiers of its inspectors, as ``teams.csv`` has them."""
    table = pd.read_csv(folder / TEAMS, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    codes = [code.strip() for code in table[_heading("credit_code")]]
    teams = [tuple(i for i in team.split(SEPARATOR) if i) for team in table[_heading("inspector_ids")]]
    return dict(zip(codes, teams, strict=True))


def _teams(plan: Plan, assignment: Assignment) -> pd.DataFrame:
    names = {inspector.inspector_id: inspector.name for inspector in assignment.pool}
    selected = plan.selected
    teams = [assignment.teams[code] for code in selected["credit_code"]]
    table = pd.DataFrame(
        {
            "credit_code": selected["credit_code"].map("{}\t".format),
            "name": selected["name"],
            "district": selected["district"],
            "inspector_ids": [SEPARATOR.join(team) for team in teams],
            "inspectors": ["、".join(names[i] for i in team) for team in teams],
            "assigned": [ASSIGNED_WORDS[assignment.reasons[code]] for code in selected["credit_code"]],
        }
    )
    for column in ("name", "district", "inspector_ids", "inspectors"):
        table[column] = table[column].str.replace(r"^([=+\-@\t\r])", r"'\1", regex=True)
    return table.rename(columns=_heading)


def _arrow(frame: pd.DataFrame) -> pa.Table:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for place, (name, kind) in enumerate(INPUT_COLUMNS.items()):
        if kind in {"date", "string"}:
            type_ = pa.date32() if kind == "date" else pa.string()
            table = table.set_column(place, name, table[name].cast(type_))
    # Without pandas' own metadata, which names the version.
    return table.replace_schema_metadata(None)


def _csv(selected: pd.DataFrame) -> pd.DataFrame:
    """Return what inspectors are given, safe to open in a spreadsheet.

    A tab after the credit code keeps eighteen digits from becoming a rounded number; an apostrophe
    before a text that begins like a formula keeps it from being computed.
    """
    table = selected.assign(
        tier_label=selected["tier"].map({tier: words.zh for tier, words in TIER_WORDS.items()}),
        part=selected["part"].map({part: words.zh for part, words in PART_WORDS.items()}),
        reason=selected["reason"].map({reason: words.zh for reason, words in REASON_WORDS.items()}),
        credit_code=selected["credit_code"].map("{}\t".format),
        inclusion_probability=selected["inclusion_probability"].round(6),
        probability=selected["probability"].round(4),
    )
    for column in ("name", "district", "key_reason"):
        table[column] = table[column].str.replace(r"^([=+\-@\t\r])", r"'\1", regex=True)
    for column in ("last_inspected", "last_full_inspection"):
        table[column] = table[column].dt.strftime("%Y-%m-%d")
    return table[list(HEADINGS)].rename(columns=_heading)


def _heading(column: str) -> str:
    return f"{(HEADINGS | TEAM_HEADINGS)[column]} {column}"
