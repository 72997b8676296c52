"""What somebody has to complete, for the block of Muster's plugin in Moodle; asked for by the site itself, signed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, jsonify, make_response, request
from flask_babel import gettext as _
from flask_babel import ngettext
from pyroaring import BitMap
from sqlalchemy import select

from plugin.access.rules import PUBLIC, rule
from plugin.core.database.tenant import across, enter
from plugin.core.network.signing import BadSignature, verify
from plugin.enrolment.terms import zone_of_host
from plugin.mirror.connections.store import connection_named
from plugin.mirror.lookup.browse import zone_of_person
from plugin.mirror.tables import Person
from plugin.reports.asking.reader import Reader
from plugin.web.frame.day_words import plain_day
from plugin.web.frame.kit import runtime
from plugin.web.frame.words import state_words
from plugin.web.mine.paths import LearnerCertification
from plugin.web.mine.standings import standings

blueprint = Blueprint("moodle_block", __name__)
LONGEST = 2000
"""Bytes of a question."""
SHOWN = 20
"""Certifications of somebody that a block has room for."""


@blueprint.post("/companion/<name>/due")
@rule(PUBLIC)
def due(name: str) -> Response:
    """``certifications`` of ``person``, in the language asked for by ``Accept-Language``; what comes next first.

    401: not signed with the secret of the connection of this name. 400: not a question. Somebody unknown has none.
    """
    made = runtime()
    body = request.get_data() if (request.content_length or 0) <= LONGEST else b""
    with across("a connection by the name in its hooks' address"), made.db.read() as session:
        connection = connection_named(session, name)
    if connection is None or not _signed(connection.hooks_secret or "", body):
        return make_response(jsonify(detail=_("The signature of this message does not fit.")), 401)
    ext = _person(body)
    if ext is None:
        return make_response(jsonify(detail="This is not a question."), 400)
    host = connection.host_id
    enter(host)
    with made.db.read() as session:
        person = session.scalar(select(Person.id).where(Person.host_id == host, Person.ext == ext))
        if person is None:
            return make_response(jsonify(certifications=[]))
        reader = Reader("companion", people=BitMap([person]))
        found: Sequence[LearnerCertification] = standings(made, session, host, reader, limit=SHOWN)
        zone = zone_of_person(session, host, person, zone_of_host(session, host))
    return make_response(jsonify(certifications=[_shown(one, zone) for one in found]))


def _signed(secret: str, body: bytes) -> bool:
    try:
        verify(secret, dict(request.headers), body)
    except BadSignature:
        return False
    return True


def _person(body: bytes) -> str | None:
    """Whom it is about; ``None`` where the body is no question."""
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    ext = document.get("person") if isinstance(document, dict) else None
    return ext if isinstance(ext, str) and 0 < len(ext) <= 255 and ext.isprintable() else None


def _shown(one: LearnerCertification, zone: str) -> dict[str, object]:
    row = one.row
    late = bool(row["days_overdue"]) and row["state"] != "expired"
    return {
        "name": str(row["certification_name"]), "state": str(row["state"]), "late": late,
        "words": str(_("Overdue")) if late else state_words(str(row["state"])), "when": _when(one, zone), "date": one.date,
    }  # fmt: skip


def _when(one: LearnerCertification, zone: str) -> str:
    """As her own page says it."""
    row = one.row
    if one.to_do and row["due"] and row["days_overdue"]:
        days = int(row["days_overdue"])
        said = ngettext(
            "To be completed by %(date)s (%(zone)s): %(num)s day overdue.",
            "To be completed by %(date)s (%(zone)s): %(num)s days overdue.",
            days, date=plain_day(row["due"], zone), zone=zone,
        )  # fmt: skip
    elif one.to_do and row["due"]:
        said = _("To be completed by %(date)s (%(zone)s).", date=plain_day(row["due"], zone), zone=zone)
    elif one.to_do:
        said = _("No due date")
    elif row["expires"]:
        said = _("Valid until %(date)s (%(zone)s).", date=plain_day(row["expires"], zone), zone=zone)
    elif row["completed_at"]:
        said = _("Completed on %(day)s.", day=plain_day(row["completed_at"], zone))
    else:
        said = ""
    return str(said)
