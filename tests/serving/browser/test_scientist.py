"""What a data scientist does: see models with their figures, drift, the challenger, and the records."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from features.quality import assess
from features.store import RecordStore
from risk_model.lifecycle import monitor
from tests.serving.browser.conftest import Site, Watched


def test_models_with_metrics_and_plots(site: Site, watched: Watched) -> None:
    page = watched.open(f"{site.url}/models")
    for told in site.publication.document["models"].values():
        assert page.get_by_role("heading", name=told["title"]["en"]).is_visible()
    assert page.locator("svg.plot").count() == 2 * len(site.publication.models)
    for plot in page.locator("svg.plot").all():
        box = plot.bounding_box()
        assert box["width"] > 150
        assert box["height"] > 150


def test_drift_is_that_of_monitoring(site: Site, watched: Watched, picture: Callable[..., Path]) -> None:
    page = watched.open(f"{site.url}/models")
    page.get_by_role("link", name="Drift").click()
    found = monitor(site.home)
    for name, told in found["models"].items():
        section = page.locator(f"section[aria-labelledby='model-{name}']")
        words = section.inner_text()
        assert f"{told['score']['psi']:.4f}" in words
        for alarm in told["alarms"]:
            # With the label of the feature, where it is of one.
            feature, _, rest = alarm["en"].partition(" ")
            known = told["features"].get(feature)
            assert (f"{known['label']['en']} {rest}" if known else alarm["en"]) in words
        assert section.locator("svg.histogram rect").count() > 4
    picture(page, "drift")


def test_the_challenger_beside_the_champion(site: Site, watched: Watched) -> None:
    page = watched.open(f"{site.url}/models/challenger")
    general = page.locator("section[aria-labelledby='model-general']")
    # The same model under another version: nothing moves, nobody changes hands.
    assert "Challenger 2 against Champion 1" in general.inner_text()
    assert general.locator(".matrix").first.locator(".moved").count() == 0
    assert "risk-model promote general 2" in general.inner_text()
    food = page.locator("section[aria-labelledby='model-food']")
    assert "There is no challenger" in food.inner_text()


def test_quality_is_that_of_the_records(site: Site, watched: Watched, picture: Callable[..., Path]) -> None:
    page = watched.open(f"{site.url}/models/quality")
    report = assess(RecordStore(site.home.store)).as_dict()
    rows = page.locator("section[aria-labelledby='timeliness-title'] tbody tr")
    assert rows.count() == len(report["timeliness"]) > 0
    assert page.locator("section[aria-labelledby='acceptance-title'] tbody tr").count() == len(
        report["acceptance"]
    )
    attention = page.locator("section[aria-labelledby='attention-title']").inner_text()
    for row in report["attention"]:
        assert row["what"] in attention
    picture(page, "quality")
