"""An explanation as an interactive page: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from features.errors import InputError
from risk_model.explanation.evidence import Evidence
from risk_model.explanation.explanation import LANGUAGES, Explanation, reason_sentence
from risk_model.explanation.geometry import waterfall
from risk_model.explanation.roll_up import GroupReason
from risk_model.scale import TIER_WORDS

TEMPLATE = "interactive.html"


def write_interactive(
    explanation: Explanation, path: Path, *, evidence: Evidence | None = None, lang: str = "zh"
) -> Path:
    """Write the page: a waterfall that opens from first level to feature to record, in both languages.

    Parameters
    ----------
    explanation
        What is shown.
    path
        The file, ``.html``.
    evidence
        The records behind its features.
    lang
        The language that it opens in.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        If the folder does not exist or the language is unknown.
    """
    if lang not in LANGUAGES:
        raise InputError(f"there is no language {lang!r}", field="lang", fix="Use zh or en.")
    if not path.resolve().parent.is_dir():
        raise InputError(f"there is no folder {path.resolve().parent}", field="--plot")
    path.write_text(interactive(explanation, evidence=evidence, lang=lang), encoding="utf-8")
    return path


def interactive(explanation: Explanation, *, evidence: Evidence | None = None, lang: str = "zh") -> str:
    """Return the page that :func:`write_interactive` writes."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["signed"] = lambda number, places: f"{number:+.{places}f}".replace("-", "−")
    shown = [group for group in explanation.first_levels if group.contribution]
    base = explanation.score - explanation.points(explanation.margin - explanation.base_value)
    drawn = waterfall(base, [explanation.points(group.contribution) for group in shown])
    return environment.get_template(TEMPLATE).render(
        lang=lang,
        languages=LANGUAGES,
        told=explanation,
        tier=TIER_WORDS[explanation.tier],
        base=base,
        drawn=drawn,
        levels=[
            {"group": group, "step": step, "indicators": _within(explanation, group)}
            for group, step in zip(shown, drawn.steps, strict=True)
        ],
        reasons=[
            {
                "sentence": {code: reason_sentence(explanation, group, code) for code in LANGUAGES},
                "rises": group.contribution > 0,
                "evidence": None if evidence is None else evidence.of(group),
            }
            for group in explanation.told
        ],
        behind={} if evidence is None else evidence.features,
    )


def _within(explanation: Explanation, level: GroupReason) -> list[dict[str, Any]]:
    """Return the second-level indicators of a first level, each with its features that move the score."""
    found: Sequence[GroupReason] = [
        group
        for group in explanation.indicators
        if group.name.partition(".")[0] == level.name and group.contribution
    ]
    widest = max((abs(group.contribution) for group in found), default=1.0)
    return [
        {
            "group": group,
            "width": 48 * abs(group.contribution) / widest,
            "features": [reason for reason in group.features if reason.contribution],
        }
        for group in found
    ]
