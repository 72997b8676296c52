"""Hosts › What if: a unit is moved or dissolved on paper; its effect on every certification, with names, and nothing saved."""

from __future__ import annotations

from flask import Blueprint, Response, request
from flask_babel import gettext as _

from plugin.access.rules import rule
from plugin.core.errors import Invalid, MusterError
from plugin.enrolment.sourcing.reorganising import KINDS, ForeseenEffect, Reorganisation, what_if
from plugin.mirror.lookup.browse import describe
from plugin.mirror.lookup.search import find
from plugin.web.frame.kit import PREFIX, page, runtime
from plugin.web.hosts.host_list import host_of
from plugin.web.sources.effects_shown import with_names
from plugin.web.sources.source_words import supplied_words

blueprint = Blueprint("what_if", __name__, url_prefix=f"{PREFIX}/hosts/<int:number>/what-if")
FOUND = 20


@blueprint.get("")
@rule("see host")
def show(number: int) -> Response:
    """Choose a unit, and where it shall go."""
    return _show(number)


def _show(
    number: int, problem: str = "", status: int = 200, done: ForeseenEffect | None = None, sentence: str = ""
) -> Response:
    kind = request.values.get("kind", KINDS[0])
    kind = kind if kind in KINDS else KINDS[0]
    unit, asked, place = (request.values.get(name, "").strip()[:255] for name in ("unit", "q", "place"))
    with runtime().db.read() as session:
        host = host_of(session, number)
        named = describe(session, number, [(kind, unit)])[kind, unit] if unit else None
        if named is not None and named.missing:
            named, problem, status = None, problem or _("There is no such unit any more."), status if problem else 404
        units = find(session, number, kind, asked, limit=FOUND).rows if asked else []
        places = find(session, number, kind, place, limit=FOUND).rows if place and named else []
        paths = describe(session, number, [(kind, one.ext) for one in (*units, *places)])
        effects = with_names(session, number, done.effects) if done is not None else []
    return page(
        "sources/what_if.html", host=host, kind=kind, unit=unit if named else "", named=named, q=asked, place=place,
        units=units, places=[one for one in places if one.ext != unit], paths=paths, done=done, sentence=sentence,
        effects=effects, kinds={one: supplied_words()[one] for one in KINDS}, problem=problem, status=status,
    )  # fmt: skip


@blueprint.post("")
@rule("see host")
def look(number: int) -> Response:
    """What the re-organisation would do; nothing is saved."""
    kind, unit, how, target = (request.form.get(name, "").strip()[:255] for name in ("kind", "unit", "how", "target"))
    with runtime().db.read() as session:
        host_of(session, number)
    try:
        if how not in ("under", "into", "top") or (how != "top" and not target):
            raise Invalid(_("Choose a unit and where it shall go."))
        asked = Reorganisation(kind, unit, target if how == "under" else "", target if how == "into" else "")
        with runtime().db.read() as session:
            names = describe(session, number, [(kind, unit), (kind, target)]) if kind in KINDS else {}
        done = what_if(runtime(), number, asked)
    except MusterError as error:
        return _show(number, error.sentence, error.status)
    words = {"unit": names[kind, unit].name, "target": names[kind, target].name}
    sentence = {
        "under": _("If %(unit)s were under %(target)s", **words),
        "into": _("If %(unit)s were dissolved into %(target)s", **words),
        "top": _("If %(unit)s stood at the top", **words),
    }[how]  # fmt: skip
    return _show(number, done=done, sentence=sentence)
