"""Exceptions: open questions and the answers given, searched and filtered, answered singly or in bulk (rules 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.core.errors import Invalid
from plugin.enrolment.answers import extension_requests
from plugin.enrolment.answers.exception_list import answered_page, counts_answered, counts_open, open_page
from plugin.enrolment.answers.exceptions import ACTIONS, ALLOWED, ChosenExceptions, answer
from plugin.enrolment.codes import EXCEPTION_TYPES
from plugin.enrolment.settling.few_people import settle_few
from plugin.enrolment.views.show import person_id
from plugin.web.frame import lists, shell
from plugin.web.frame.kit import PAGE_SIZE, PREFIX, go, host_id, nudge, page, page_number, query, runtime, who
from plugin.web.frame.lists import Heading, searched
from plugin.web.frame.words import action_words, exception_words

blueprint = Blueprint("exceptions", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")

OPEN, ANSWERED = "open", "answered"


def headings(view: str) -> tuple[Heading, ...]:
    """The columns of what is open, or of what was answered."""
    name, kind = Heading("name", _("Learner"), "name", fixed=True), Heading("type", _("Type"), "type")
    if view == OPEN:
        return (name, kind, Heading("wanted", _("Wanted due date"), "wanted"), Heading("at", _("Since"), "at"))
    return (
        name,
        kind,
        Heading("action", _("Answer"), "action"),
        Heading("who", _("By"), "who"),
        Heading("at", _("When"), "at"),
    )


@blueprint.get("/exceptions")
@rule("see", area=True)
def tab(certification: int) -> Response:
    """Open exceptions, or what was answered, a page at a time."""
    view = ANSWERED if request.args.get("view") == ANSWERED else OPEN
    kind, words = _kind(request.args.get("type", "")), query()
    args = {"view": view if view == ANSWERED else None, "type": kind or None, "q": words or None}
    found = lists.listing(
        f"exceptions:{view}", "exceptions.tab", headings(view), fixed={"certification": certification}, args=args
    )
    chips = [found.chip(searched(words), "q")] if words else []
    chips += [found.chip(exception_words(kind), "type")] if kind else []
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "exceptions")
        tenant, chosen = host_id(), ChosenExceptions(kind=kind, words=words)
        part: dict[str, Any] = {"limit": PAGE_SIZE, "offset": (page_number() - 1) * PAGE_SIZE}
        counts: Mapping[str, int]
        rows: list[Any]
        if view == OPEN:
            counts = counts_open(session, tenant, certification, words)
            rows = list(open_page(session, tenant, certification, chosen, **part, order=found.sort))
        else:
            counts = counts_answered(session, tenant, certification, words)
            rows = list(answered_page(session, tenant, certification, chosen, **part, order=found.sort))
        total = counts.get(kind, 0) if kind else sum(counts.values())
        matching = [kind] if kind else list(counts)
        context["asking"] = len(extension_requests.waiting(session, host_id(), certifications=[certification]))
        context |= {
            "view": view, "rows": rows, "counts": counts,
            "list": found, "chips": chips, "total": total, "everything": sum(counts.values()),
            "kind": kind, "kinds": EXCEPTION_TYPES, "query": query(), "page_number": page_number(),
            "page_size": PAGE_SIZE, "allowed": {one: allowed(one) for one in EXCEPTION_TYPES},
            "actions": offered(matching), "common": common(matching), "action_words": action_words, "done": done_words(),
        }  # fmt: skip
    return page("learners/exceptions.html", **context)


def _kind(word: str) -> str:
    return word if word in EXCEPTION_TYPES else ""


def allowed(kind: str) -> tuple[str, ...]:
    """What answers a type."""
    return ALLOWED[EXCEPTION_TYPES.index(kind)]


def common(kinds: Iterable[str]) -> list[str]:
    """Only what every one of these types allows (rules 4.6)."""
    each = [set(allowed(kind)) for kind in kinds]
    return [one for one in ACTIONS if each and all(one in some for some in each)]


def offered(kinds: Iterable[str]) -> list[str]:
    """What any of these types allows."""
    each = [set(allowed(kind)) for kind in kinds]
    return [one for one in ACTIONS if any(one in some for some in each)]


@blueprint.post("/exceptions")
@rule("change", area=True)
def resolve(certification: int) -> Response:
    """Answer the chosen ones, or all that match; more than one only after the number was confirmed."""
    view = ANSWERED if request.form.get("view") == ANSWERED else OPEN
    action, kind = request.form.get("action", ""), _kind(request.form.get("type", ""))
    words, named = (
        " ".join(request.form.get("q", "").split())[:200],
        list(dict.fromkeys(request.form.getlist("person"))),
    )
    everyone, confirmed = "everyone" in request.form, request.form.get("confirmed", "")
    if action not in ACTIONS or (action == "reopen") != (view == ANSWERED):
        raise Invalid(_("Choose one of the values offered."))
    if not everyone and not named:
        raise Invalid(_("Choose at least one learner."))
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "exceptions")
        people = [] if everyone else [person_id(session, host_id(), ext) for ext in named]
        number = _matching(session, certification, view, kind, words) if everyone else len(people)
    if number != 1 and not confirmed:
        context |= {"view": view, "action": action, "kind": kind, "query": words, "named": [] if everyone else named,
                    "number": number, "action_words": action_words}  # fmt: skip
        return page("learners/exceptions_confirm.html", **context)
    expected = int(confirmed) if confirmed.isascii() and confirmed.isdigit() and len(confirmed) < 10 else number
    many = answer(
        runtime(), host_id(), certification, action, who=who(), people=people, kind=kind if everyone else None,
        words=words if everyone else "", expected=expected,
    )  # fmt: skip
    settle_few(runtime(), host_id(), people)
    nudge()
    if len(named) == 1 and request.form.get("back") == "person":
        return go(url_for("person.show", person=named[0]))
    return go(url_for(".tab", certification=certification, view=view if view == ANSWERED else None, type=kind or None,
                      q=words or None, done=f"{action}:{many}"))  # fmt: skip


def done_words() -> str:
    """What was just answered, in words; empty where nothing was."""
    action, _colon, many = request.args.get("done", "").partition(":")
    if action not in ACTIONS or not (many.isascii() and many.isdigit() and len(many) < 10):
        return ""
    if action == "reopen":
        return ngettext("%(num)s answer is taken back.", "%(num)s answers are taken back.", int(many))
    said = ngettext("%(num)s exception is answered: %(answer)s.", "%(num)s exceptions are answered: %(answer)s.", int(many),
                    answer=action_words(action))  # fmt: skip
    return str(said)


def _matching(session: Session, certification: int, view: str, kind: str, words: str) -> int:
    count = counts_open if view == OPEN else counts_answered
    counts = count(session, host_id(), certification, words)
    return counts.get(kind, 0) if kind else sum(counts.values())
