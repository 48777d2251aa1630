"""What an administrator does: sign in, make and revoke a key, verify the audit log."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.serving.browser.conftest import PHONE, Served, Watched
from tests.serving.browser.test_accessibility import sideways, violations


def sign_in(served: Served, watched: Watched, *roles: str, viewport: dict[str, int] | None = None) -> object:
    """Open the entrance, signed in."""
    _, token = served.app.state.context.gate.keys.create("张三", roles)
    page = watched.open(f"{served.url}/sign-in?to=/", viewport=viewport)
    assert violations(page) == []
    page.get_by_label("Key").fill(token)
    page.get_by_role("button", name="Sign in").click()
    return page


def test_a_key_is_made_and_revoked_and_the_audit_verified(
    guarded: Served, watched: Watched, picture: Callable[..., Path]
) -> None:
    page = sign_in(guarded, watched, "administrator")
    page.get_by_role("navigation", name="roles").get_by_role("link", name="Administration").click()
    page.get_by_label("What it is for").fill("窗口")
    page.get_by_role("checkbox", name="planner").check()
    page.get_by_label("Districts it may see").fill("990101")
    page.get_by_role("button", name="Make").click()
    token = page.get_by_role("status").locator(".token").inner_text()
    assert re.fullmatch(r"rm_[\w-]{43}", token)
    assert guarded.app.state.context.gate.keys.of_token(token) is not None
    assert violations(page) == []
    page.goto(f"{guarded.url}/administrator")
    picture(page, "administrator")
    page.locator("tbody tr", has_text="窗口").get_by_role("button", name="Revoke").click()
    assert page.locator("tbody tr", has_text="窗口").get_by_text("revoked").is_visible()
    assert guarded.app.state.context.gate.keys.of_token(token) is None
    page.get_by_role("button", name="Verify the chain").click()
    assert "all as they were written" in page.get_by_role("status").inner_text()
    assert violations(page) == []


def test_a_planner_does_not_see_administration(guarded: Served, watched: Watched) -> None:
    page = sign_in(guarded, watched, "planner")
    assert page.get_by_role("link", name="Administration").count() == 0
    page.goto(f"{guarded.url}/administrator")
    assert "403" in page.get_by_role("alert").inner_text()
    page.goto(guarded.url)
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{guarded.url}/planner")
    assert "/sign-in" in page.url


def test_administration_on_the_phone(guarded: Served, watched: Watched) -> None:
    page = sign_in(guarded, watched, "administrator", viewport=PHONE)
    page.goto(f"{guarded.url}/administrator")
    assert violations(page) == []
    assert sideways(page) <= 0


def test_a_wrong_key_is_refused(guarded: Served, watched: Watched) -> None:
    page = watched.open(f"{guarded.url}/sign-in")
    page.get_by_label("Key").fill("rm_wrong")
    page.get_by_role("button", name="Sign in").click()
    assert "unknown" in page.get_by_role("alert").inner_text()
