"""Every number that the simulated province is made of, in one place."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Sizes, rates and strengths of the simulated province.

    Rates are a year unless they say otherwise; strengths are on the scale of log odds (findings) or
    of log rates (events) per unit of latent risk. Where a number is fixed by law, the article is named;
    all others are chosen so that the measured rates fall into published bands.
    """

    # -- population ------------------------------------------------------------------------------
    districts: int = 15
    #: Share of all simulated enterprises that were established before the first month.
    established_before: float = 0.62
    food_share: float = 0.12
    equipment_share: float = 0.08
    #: Shares of company, individual business, cooperative, branch.
    type_shares: tuple[float, ...] = (0.62, 0.30, 0.03, 0.05)
    #: Producers, food sales, catering among food enterprises.
    food_classes: tuple[float, ...] = (0.12, 0.43, 0.45)
    #: Makers, installers, fillers, users among enterprises with special equipment.
    equipment_classes: tuple[float, ...] = (0.06, 0.12, 0.05, 0.77)
    #: Share of enterprises that share a legal representative or shareholder with others.
    grouped_share: float = 0.30
    equipment_mean: float = 3.2
    equipment_cap: int = 40

    # -- latent risk (standard deviations on the log-odds scale) ----------------------------------
    #: Industry, size, age and district: visible to any model.
    sd_observable: float = 0.60
    #: Persistent conduct; drives records of every kind, is itself in none.
    sd_persistent: float = 0.95
    #: Share of the persistent variance that is common to enterprises of the same persons.
    group_variance: float = 0.40
    #: Slow first-order autoregression; 0.97 a month is a half-life of 23 months.
    sd_slow: float = 0.55
    slow_memory: float = 0.97
    #: What no record shows: only an inspection meets it.
    sd_hidden: float = 0.50
    hidden_memory: float = 0.95
    #: Food hygiene and equipment maintenance: correlated with persistent conduct by ``sector_link``.
    sd_food: float = 0.85
    sd_equipment: float = 0.85
    sector_link: float = 0.35
    sector_memory: float = 0.97
    #: Weight of the general risk in the odds of a sector finding.
    general_in_sector: float = 0.65

    # -- findings ------------------------------------------------------------------------------------
    #: Mean probability that an inspection finds a problem, over enterprises in business at the start.
    base_general: float = 0.095
    base_food: float = 0.145
    base_equipment: float = 0.145
    #: Shares of outcomes that are not about conduct: activity not carried on; closed or moved.
    neutral_share: float = 0.020
    censored_share: float = 0.018
    #: Odds of ``severe`` among findings, and of ``corrected`` among the rest.
    severe_share: float = 0.13
    corrected_share: float = 0.16
    #: Added log odds where a complaint led to the inspection.
    complaint_boost: float = 0.7

    # -- selection of inspections -----------------------------------------------------------------
    #: Yearly rates of the random draw (双随机); districts and years vary around them.
    draw_general: float = 0.065
    draw_food: float = 0.20
    draw_equipment: float = 0.15
    #: Factor for enterprises without and with a recent adverse record once classes guide the draw
    #: (国市监信发〔2022〕6号: lower, regular, raised ratio and frequency).
    draw_clean: float = 0.85
    draw_adverse: float = 1.6
    classes_from: str = "2022-01"
    #: Every food enterprise at least once in two years (食品生产经营监督检查管理办法 art. 22): twice this is
    #: the share of the turns that are held in time.
    coverage_food: float = 0.475
    targeted: float = 0.035
    targeted_adverse: float = 0.45
    targeted_complaints: float = 0.35
    targeted_knowledge: float = 0.45
    #: Correlation of what officers know with the true log odds of that month.
    knowledge_link: float = 0.60
    complaint_inspected: float = 0.28
    recheck_share: float = 0.70

    # -- events -----------------------------------------------------------------------------------
    complaints: float = 0.20
    complaints_strength: float = 0.75
    food_complaints: float = 0.22
    penalties: float = 0.030
    penalties_strength: float = 1.05
    penalty_after_problem: float = 0.30
    penalty_after_severe: float = 0.75
    #: Publication: 3 months for criticism or a low fine, 3 years for others
    #: (市场监督管理行政处罚信息公示规定 art. 13).
    short_publication_months: int = 3
    long_publication_months: int = 36
    withdrawn_share: float = 0.015
    changes: float = 0.26
    changes_strength: float = 0.45
    commitments: float = 0.08
    #: Log odds of not filing and of filing late the annual report (due 30 June,
    #: 企业信息公示暂行条例 art. 8), at average conduct.
    report_missing: float = -3.6
    report_late: float = -3.1
    report_strength: float = 0.95
    abnormal_other: float = 0.012
    abnormal_strength: float = 1.05
    #: Chance that a serious penalty puts the enterprise on the serious-violation list.
    serious_list_share: float = 0.10
    deregistration: float = 0.040
    incidents_equipment: float = 0.012
    incidents_food: float = 0.003
    sampling_producer: float = 1.1
    sampling_other: float = 0.40
    sampling_base: float = -3.9
    sampling_strength: float = 1.15
    #: Credit repair: share of long published penalties that ask, shortest time published
    #: (国市监信规〔2021〕3号: 6 months; food and special equipment 12 months), share granted.
    repair_asked: float = 0.16
    repair_minimum_days: int = 183
    repair_minimum_days_sector: int = 365
    repair_granted: float = 0.85

    # -- dirt (share of rows of a table that are added as) ----------------------------------------
    dirt_duplicate: float = 0.0015
    dirt_wrong_check: float = 0.0010
    dirt_impossible_date: float = 0.0010
    dirt_unknown_code: float = 0.0006
    dirt_missing_required: float = 0.0006
    dirt_legacy_code: float = 0.0003

    def as_dict(self) -> dict[str, Any]:
        """Return the parameters as plain data."""
        return asdict(self)
