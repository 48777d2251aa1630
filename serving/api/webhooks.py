"""``/v1/webhooks``: where messages go."""

from __future__ import annotations

import tempfile
from pathlib import Path

from starlette.responses import Response

from features.errors import InputError
from features.home import Home
from features.store import RecordStore
from risk_model.publication.reading import current_name
from serving.endpoints import Call, plain
from serving.once import Attempt, Done, once
from serving.problems import FieldError, Problem
from serving.scope import unlimited
from serving.webhooks.delivery import waiting
from serving.webhooks.subscriptions import CLASSIFICATION, Subscription, Subscriptions, origin_of
from supervision.lists import outbox


def create(call: Call) -> Response:
    """Begin a subscription; its secret is told this once."""
    _need_whole_scope(call)
    body, home = call.body, call.context.home
    targets = call.context.settings.webhook_targets
    if origin_of(body.url) not in {origin_of(target) for target in targets}:
        known = ", ".join(targets) or "none"
        raise Problem(
            422,
            "invalid-body",
            "url: nothing may be sent to this origin.",
            [
                FieldError(
                    "url",
                    f"{origin_of(body.url)} is not among the origins that may be sent to: {known}",
                    "Let whoever runs the service add it to webhook_targets in serving.yaml.",
                )
            ],
        )

    def perform(attempt: Attempt) -> Done:
        at_hand = current_name(home) if body.start == "now" and CLASSIFICATION in body.topics else None
        made = Subscriptions.new(
            url=body.url,
            topics=list(dict.fromkeys(body.topics)),
            created_by=call.principal.name,
            told_snapshot=at_hand,
        )
        if body.start == "now":
            _skip_what_is_on_record(home, made.receiver)
        return Done(
            {**_told(home, made), "secret": made.secret},
            within=lambda connection: Subscriptions.keep(connection, made),
        )

    return once(call, perform)


def listed(call: Call) -> Response:
    """Answer with all subscriptions and how they go."""
    _need_whole_scope(call)
    kept = Subscriptions(call.context.operational.engine)
    return plain({"results": [_told(call.context.home, one) for one in kept.all()]})


def one(call: Call) -> Response:
    """Answer with one subscription."""
    _need_whole_scope(call)
    return plain(_told(call.context.home, _found(call)))


def stop(call: Call) -> Response:
    """End a subscription."""
    _need_whole_scope(call)
    found = _found(call)

    def perform(attempt: Attempt) -> Done:
        return Done(
            {"id": found.id, "stopped": True},
            status=200,
            within=lambda connection: Subscriptions.stop(connection, found.id),
        )

    return once(call, perform)


def _found(call: Call) -> Subscription:
    name = call.path("webhook")
    kept = Subscriptions(call.context.operational.engine)
    found = kept.get(name) if name.isascii() and name.isalnum() else None
    if found is None:
        raise Problem(
            404,
            "no-such-webhook",
            "There is no such webhook.",
            [FieldError("webhook", "there is none", "See /v1/webhooks.")],
        )
    return found


def _told(home: Home, subscription: Subscription) -> dict[str, object]:
    return {**subscription.as_dict(), "waiting": waiting(home, subscription.receiver)}


def _skip_what_is_on_record(home: Home, receiver: str) -> None:
    """Move a receiver's position to the end: the batch that leads there is not kept."""
    try:
        RecordStore(home.store).snapshot()
    except InputError:
        # Nothing was ever loaded: all that comes is new.
        return
    with tempfile.TemporaryDirectory(prefix="risk-model-outbox-") as folder:
        outbox.push(home, receiver, Path(folder))


def _need_whole_scope(call: Call) -> None:
    """Refuse keys that do not see everybody: a receiver is told of everybody.

    Raises
    ------
    Problem
        403.
    """
    if not unlimited(call.principal):
        raise Problem(
            403,
            "forbidden",
            "Webhooks tell of every enterprise.",
            [
                FieldError(
                    "Authorization", "the key sees some only", "Use a key without districts and sectors."
                )
            ],
        )
