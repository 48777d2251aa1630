"""May this enterprise …? What approval and enforcement systems ask before they act."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from features.errors import InputError
from risk_model.specification import Strict, Words
from supervision.dated_rules import Dated, in_force, read_rules
from supervision.plan_rules import ALL_TIERS, Sourced
from supervision.records import EnterpriseRecords, Row
from supervision.sampling.calendar import years_later

RESTRICTIONS = Path(__file__).resolve().parent / "restrictions.yaml"

Verdict = Literal["allowed", "conditional", "refused"]
TABLE = {"abnormal": ("abnormal_list", "reason"), "serious": ("serious_violation_list", "ground")}


@dataclass(frozen=True)
class Evidence:
    """A record behind a restriction."""

    table: str
    record_id: str
    day: date
    what: str


class OnList(Strict):
    """There is an open entry in one of the lists (with one of the grounds, if any are named)."""

    fact: Literal["on_list"]
    lists: tuple[Literal["abnormal", "serious"], ...] = Field(min_length=1)
    grounds: tuple[str, ...] = ()

    def evidence(self, records: EnterpriseRecords, tier: str | None) -> Iterable[Evidence]:
        """Return the open entries."""
        for name in self.lists:
            table, column = TABLE[name]
            for row in records.open_entries(table):
                if not self.grounds or row[column] in self.grounds:
                    yield _of(table, row, row[column])


class LicenceRevoked(Strict):
    """A licence of one of the kinds was revoked within so many years before.

    They run from the day on which the revocation came on file, which is never before that of the decision.
    """

    fact: Literal["licence_revoked"]
    licences: tuple[str, ...]
    within_years: int = Field(ge=1)

    def evidence(self, records: EnterpriseRecords, tier: str | None) -> Iterable[Evidence]:
        """Return the licences."""
        for row in records.rows("licence"):
            if row["status"] == "revoked" and row["kind"] in self.licences:
                day = row["recorded_at"]
                if records.on < years_later(day, self.within_years):
                    yield _of("licence", row, row["kind"], day)


class PenaltyOf(Strict):
    """A penalty of one of the kinds is on record."""

    fact: Literal["penalty"]
    kinds: tuple[str, ...]

    def evidence(self, records: EnterpriseRecords, tier: str | None) -> Iterable[Evidence]:
        """Return the penalties."""
        for row in records.rows("penalty"):
            if row["kind"] in self.kinds:
                yield _of("penalty", row, row["kind"])


class BrokenCommitment(Strict):
    """A commitment was found broken within so many years before."""

    fact: Literal["broken_commitment"]
    within_years: int = Field(ge=1)

    def evidence(self, records: EnterpriseRecords, tier: str | None) -> Iterable[Evidence]:
        """Return the commitments."""
        for row in records.rows("commitment"):
            if row["outcome"] == "broken":
                day = row["verified_on"] or row["recorded_at"]
                if records.on < years_later(day, self.within_years):
                    yield _of("commitment", row, row["kind"] or "", day)


class StatusIs(Strict):
    """The registration has one of the statuses."""

    fact: Literal["status"]
    statuses: tuple[str, ...]

    def evidence(self, records: EnterpriseRecords, tier: str | None) -> Iterable[Evidence]:
        """Return the registration."""
        row = records.registration
        if row is not None and row["status"] in self.statuses:
            yield _of("enterprise", row, row["status"])


class RepresentativeOf(Strict):
    """Its legal representative is, or was at the time, that of another enterprise in trouble.

    Attributes
    ----------
    listed
        The other has an open entry in one of these lists.
    revoked_within_years
        The other's business licence was revoked so many years before, or less.
    """

    fact: Literal["representative_of"]
    listed: tuple[Literal["abnormal", "serious"], ...] = ()
    revoked_within_years: int | None = Field(default=None, ge=1)

    def evidence(self, records: EnterpriseRecords, tier: str | None) -> Iterable[Evidence]:
        """Return the entries and registrations of the other enterprises."""
        for other in records.sharing_representative():
            for name in self.listed:
                table, column = TABLE[name]
                for row in other.open_entries(table):
                    yield _of(table, row, f"{other.credit_code} {row[column]}")
            state = other.registration
            if (
                self.revoked_within_years is not None
                and state is not None
                and state["status"] in ("2", "3")
                and records.on < years_later(state["event_date"], self.revoked_within_years)
            ):
                yield _of("enterprise", state, f"{other.credit_code} {state['status']}")


class TierIs(Strict):
    """The general model's tier is one of these."""

    fact: Literal["tier"]
    tiers: tuple[str, ...]

    @model_validator(mode="after")
    def _known(self) -> TierIs:
        if not set(self.tiers) <= set(ALL_TIERS):
            msg = f"expected some of {', '.join(ALL_TIERS)}"
            raise ValueError(msg)
        return self

    def evidence(self, records: EnterpriseRecords, tier: str | None) -> Iterable[Evidence]:
        """Return the tier."""
        if tier in self.tiers:
            yield Evidence("classification", tier or "", records.on, tier or "")


class Unclassified(Strict):
    """No tier is known."""

    fact: Literal["unclassified"]

    def evidence(self, records: EnterpriseRecords, tier: str | None) -> Iterable[Evidence]:
        """Say so."""
        if tier is None:
            yield Evidence("classification", "", records.on, "unclassified")


Fact = Annotated[
    OnList
    | LicenceRevoked
    | PenaltyOf
    | BrokenCommitment
    | StatusIs
    | RepresentativeOf
    | TierIs
    | Unclassified,
    Field(discriminator="fact"),
]


class Restriction(Dated, Sourced):
    """One consequence: for which actions, when, and what follows."""

    name: str
    actions: tuple[str, ...] = Field(min_length=1)
    when: Fact
    outcome: Literal["refused", "conditional"]
    label: Words
    condition: Words | None = None

    @model_validator(mode="after")
    def _says_the_condition(self) -> Restriction:
        if (self.outcome == "conditional") != (self.condition is not None):
            msg = "give a condition if, and only if, the outcome is conditional"
            raise ValueError(msg)
        return self


class Restrictions(Strict):
    """All actions that can be asked about, and what restricts them."""

    actions: dict[str, Words]
    restrictions: tuple[Restriction, ...]

    @model_validator(mode="after")
    def _actions_exist(self) -> Restrictions:
        unknown = {a for r in self.restrictions for a in r.actions} - set(self.actions)
        if unknown:
            msg = f"there is no action {sorted(unknown)[0]!r}"
            raise ValueError(msg)
        return self


@dataclass(frozen=True)
class Reason:
    """Why an action is refused or conditional."""

    restriction: str
    outcome: Verdict
    label: Words
    condition: Words | None
    source: str
    trust: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Answer:
    """What may be done.

    Attributes
    ----------
    known
        Whether the enterprise's registration is on record; a new one is allowed what nothing forbids.
    records
        Number of the store's snapshot that was looked at.
    """

    credit_code: str
    name: str | None
    action: str
    action_label: Words
    on: date
    verdict: Verdict
    reasons: tuple[Reason, ...]
    tier: str | None
    known: bool
    records: int

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as plain data."""
        return {
            **{k: v for k, v in self.__dict__.items() if k not in ("action_label", "reasons")},
            "action_label": self.action_label.model_dump(),
            "reasons": [
                {
                    **{
                        k: v
                        for k, v in reason.__dict__.items()
                        if k not in ("label", "condition", "evidence")
                    },
                    "label": reason.label.model_dump(),
                    "condition": reason.condition.model_dump() if reason.condition else None,
                    "evidence": [asdict(e) for e in reason.evidence],
                }
                for reason in self.reasons
            ],
        }


def load_restrictions(path: Path | None = None) -> Restrictions:
    """Read the restrictions.

    Raises
    ------
    InputError
        If the file is not valid.
    """
    return read_rules(Restrictions, path or RESTRICTIONS)


def may(
    records: EnterpriseRecords,
    action: str,
    *,
    tier: str | None = None,
    rules: Restrictions | None = None,
) -> Answer:
    """Return whether an enterprise may do something on the day of its records, and why not.

    Parameters
    ----------
    records
        What is known of it on the day.
    action
        One of the actions of the rules.
    tier
        Its tier in the classification in force, if it has one.
    rules
        A province's own rules; by default the shipped ones.

    Raises
    ------
    InputError
        If there is no such action.
    """
    rules = rules or load_restrictions()
    if action not in rules.actions:
        raise InputError(
            f"there is no action {action!r}", field="action", fix=f"Use one of {', '.join(rules.actions)}."
        )
    reasons = []
    for restriction in in_force(rules.restrictions, records.on):
        if action in restriction.actions:
            evidence = tuple(restriction.when.evidence(records, tier))
            if evidence:
                reasons.append(
                    Reason(
                        restriction.name,
                        restriction.outcome,
                        restriction.label,
                        restriction.condition,
                        restriction.source,
                        restriction.trust,
                        evidence,
                    )
                )
    reasons.sort(key=lambda r: r.outcome != "refused")
    return Answer(
        credit_code=records.credit_code,
        name=records.name,
        action=action,
        action_label=rules.actions[action],
        on=records.on,
        verdict=reasons[0].outcome if reasons else "allowed",
        reasons=tuple(reasons),
        tier=tier,
        known=records.registration is not None,
        records=records.snapshot.id,
    )


def _of(table: str, row: Row, what: str, day: date | None = None) -> Evidence:
    return Evidence(table, row["record_id"], day or row["event_date"], what)
