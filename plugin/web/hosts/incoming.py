"""Hosts › Incoming: what a learning site hinted at lately, what it led to, and what was turned away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import ngettext

from plugin.access.rules import rule
from plugin.mirror.connections.store import connection_of
from plugin.mirror.hints.recent import came, latest, outcomes_of
from plugin.mirror.tables import StoredHint
from plugin.web.frame.kit import PAGE_SIZE, PREFIX, page, page_number, runtime
from plugin.web.frame.words import count
from plugin.web.hosts.host_list import host_of
from plugin.web.hosts.host_words import age_words, data_words

blueprint = Blueprint("incoming", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/incoming")

_STATES = ("waiting", "done")
_IDS = 3


@blueprint.get("")
@rule("see host")
def show(number: int) -> Response:
    """The latest hints, newest first."""
    kinds = {**data_words(), "all": _("Everything")}
    kind, state = request.args.get("kind", ""), request.args.get("state", "")
    kind, state = kind if kind in kinds else "", state if state in _STATES else ""
    made = runtime()
    with made.db.read() as session:
        host = host_of(session, number)
        total, rows = latest(
            session, number, kind=kind, state=state, limit=PAGE_SIZE, offset=(page_number() - 1) * PAGE_SIZE
        )
        context: dict[str, Any] = {
            "host": host, "connection": connection_of(session, number), "rows": rows, "total": total,
            "figures": came(session, number, made.clock.now(), made.clock.true()),
            "followed": outcomes_of(session, number, [one.batch for one in rows]),
        }  # fmt: skip
    return page(
        "hosts/incoming.html", kinds=kinds, kind=kind, state=state, now=made.clock.true(), age=age_words, ids=_ids,
        caused=_caused, learners=_learners, why=_why(), base=made.settings.base_url, page_number=page_number(),
        page_size=PAGE_SIZE, **context,
    )  # fmt: skip


def _ids(hint: StoredHint) -> str:
    """The first of what a hint names, and how many more."""
    shown, more = ", ".join(hint.ids[:_IDS]), len(hint.ids) - _IDS
    return shown if more <= 0 else ngettext("%(ids)s and %(num)s more", "%(ids)s and %(num)s more", more, ids=shown)


def _caused(text: str) -> str:
    """What a hint led to (:mod:`plugin.mirror.hints.inbox`), in words; what is not understood stays as it is."""
    word, *numbers = text.split(" ")
    if text == "aside":
        return _("It could not be worked off and was put aside: see Data problems.")
    if not numbers or not all(one.isascii() and one.isdigit() for one in numbers):
        return text
    first, second = int(numbers[0]), int(numbers[-1])
    if word == "differed":
        return ngettext("%(num)s enrolment differed from what Muster confirmed.",
                        "%(num)s enrolments differed from what Muster confirmed.", first) if first else _(
                            "Nothing: the echo of Muster’s own enrolments.")  # fmt: skip
    rows = (
        ngettext("%(num)s record changed.", "%(num)s records changed.", first) if first else _("Nothing had changed.")
    )
    if word == "read":
        return rows
    if word == "whole":
        return _("Everything was read. %(rows)s", rows=rows)
    if word == "delta" and second > 1:
        return _("One read of what changed, for %(count)s hints together. %(rows)s", count=count(second), rows=rows)
    return _("A read of what changed. %(rows)s", rows=rows) if word == "delta" else text


def _learners(what: Mapping[str, int] | None) -> str:
    """What history tells of it: how many learners were enrolled, withdrawn and so on."""
    if not what:
        return ""
    enrolled = what.get("enrolled", 0) + what.get("released", 0)
    withdrawn, due, raised = what.get("withdrawn", 0), what.get("due_changed", 0), what.get("exception_raised", 0)
    parts = [
        ngettext("%(num)s learner enrolled", "%(num)s learners enrolled", enrolled) if enrolled else "",
        ngettext("%(num)s withdrawn", "%(num)s withdrawn", withdrawn) if withdrawn else "",
        ngettext("%(num)s due date changed", "%(num)s due dates changed", due) if due else "",
        ngettext("%(num)s exception raised", "%(num)s exceptions raised", raised) if raised else "",
    ]
    return " · ".join(one for one in parts if one)


def _why() -> dict[str, str]:
    return {
        "signature": _("signature or token does not fit, or sent too long ago"), "words": _("not understood"),
        "large": _("too large"),
    }  # fmt: skip
