"""One later date for many learners at once: the chosen ones, or all that the list shows (rules 7.5)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.targets import target_ids
from plugin.core.days import end_of_day
from plugin.core.errors import Invalid
from plugin.core.stamps import calendar_day
from plugin.enrolment.answers.overrides import extend_all
from plugin.enrolment.settling.few_people import settle_few
from plugin.enrolment.views.roster import matching
from plugin.web.frame import shell
from plugin.web.frame.day_fields import day_from
from plugin.web.frame.day_words import plain_day
from plugin.web.frame.kit import PREFIX, field, go, host_id, nudge, page, runtime, who
from plugin.web.frame.words import ngettext
from plugin.web.learners import learner_filter

blueprint = Blueprint("extending", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>/learners")
MOST = 10_000
"""Learners of one act."""


@blueprint.post("/extend")
@rule("change", area=True)
def extend(certification: int) -> Response:
    """Move their dates to the end of a day, after the number was confirmed.

    :raises Invalid: where nobody is chosen, or no day; for more than ``MOST``.
    """
    named, day = list(dict.fromkeys(request.form.getlist("person"))), day_from(field("to", 20))
    if not day:
        raise Invalid(_("Enter the date."))
    if "everyone" not in request.form and not named:
        raise Invalid(_("Choose at least one learner."))
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "learners")
        people = _chosen(session, certification, named)
    args = {name: value for name, value in learner_filter.args().items() if value}
    to = end_of_day(calendar_day(day), context["zone"])
    if request.form.get("confirmed") != str(len(people)):
        context |= {
            "number": len(people), "named": [] if "everyone" in request.form else named, "day": day, "args": args,
            "day_words": plain_day(to - 1, context["zone"]),
        }  # fmt: skip
        return page("learners/extend.html", **context)
    done, left = extend_all(runtime(), host_id(), certification, people, to, who=who())
    settle_few(runtime(), host_id(), people)
    nudge()
    return go(url_for("learners.tab", certification=certification, **args, extended=done, left_out=left or None))


def _chosen(session: Session, certification: int, named: list[str]) -> list[int]:
    """Our ids of those who are chosen; whoever the reader may not see is not among them."""
    filters: dict[str, Any]
    if "everyone" in request.form:
        filters = learner_filter.narrowed(session).filters
    else:
        ids = target_ids(session, host_id(), [("individual", one) for one in named])
        filters = {"people": BitMap(one for one in ids.values() if one is not None)}
    found = matching(session, host_id(), certification, **filters)
    if len(found) > MOST:
        raise Invalid(_("These are more than %(most)s learners. Narrow the list.", most=f"{MOST:,}"))
    return found


def done_words() -> str:
    """What was just done, in words; empty where nothing was."""
    done, left = (request.args.get(name, "") for name in ("extended", "left_out"))
    if not (done.isascii() and done.isdigit() and len(done) < 10):
        return ""
    said = ngettext("The date of %(num)s learner is moved.", "The dates of %(num)s learners are moved.", int(done))
    if left.isascii() and left.isdigit() and len(left) < 10:
        said += " " + ngettext(
            "%(num)s had a later one, or nothing to extend.",
            "%(num)s had a later one, or nothing to extend.",
            int(left),
        )
    return str(said)
