"""The map of a change of suppliers on pages: what rows name that goes, and what they shall name instead (SOURCES 2.4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import request
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.enrolment.sourcing.plans import LoadPlan
from plugin.enrolment.sourcing.retargeting import TYPES
from plugin.mirror.lookup.browse import describe


@dataclass(frozen=True)
class MapLine:
    """One line of a map. ``old`` and ``new``: ids; ``name``: what the old one is called; ``by``: why the new one is offered."""

    old: str
    new: str
    name: str
    by: str


def entered() -> dict[str, str]:
    """The map of a form; lines that were left empty are not in it."""
    pairs = zip(request.form.getlist("old"), request.form.getlist("new"), strict=False)
    return {old: new.strip()[:255] for old, new in pairs if old and new.strip()}


def lines(session: Session, host_id: int, plan: LoadPlan, asked: dict[str, str], kinds: Iterable[str]) -> list[MapLine]:
    """What the page shows of a plan: what was entered, and what rows name besides that goes, with what fits."""
    offered, by = dict(plan.document.get("map") or {}), dict(plan.document.get("mapped_by") or {})
    every = {**offered, **asked}
    words = {
        "code": _("the same code"), "path": _("the same path of names"), "name": _("the same name"),
        "person": _("the same person"),
    }  # fmt: skip
    types = [TYPES[kind] for kind in kinds if kind in TYPES]
    known = describe(session, host_id, [(one, old) for one in types for old in every])
    found = []
    for old, new in sorted(every.items()):
        names = [known[one, old].name for one in types if not known[one, old].missing]
        found.append(
            MapLine(old, new, names[0] if names else "", "" if old in asked else words.get(by.get(old, ""), ""))
        )
    return found
