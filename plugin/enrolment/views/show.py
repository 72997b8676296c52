"""What is, as the outside reads it: a row per learner, and why one person is in or not (AS-CODE, "Shapes")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from plugin.certifications.resolve import matches_of, rules_of
from plugin.certifications.store import by_id
from plugin.certifications.tables import Assignment
from plugin.core.area_scope import area_of, cut
from plugin.core.clock import format_instant
from plugin.core.database.area_conditions import inside
from plugin.core.days import local_day
from plugin.core.errors import NotFound
from plugin.core.ids import read_clock
from plugin.delivery.tables import CONFIRMED, FOUND, WANTS
from plugin.enrolment.answers.gone_targets import pinned
from plugin.enrolment.codes import EXCEPTION_TYPES, HOLDS, INACTIVE_HOLDS, STATES, WITHDRAWN
from plugin.enrolment.reading.reach import counting, reaching
from plugin.enrolment.tables import Enrolment, ExceptionRow, Exemption, WhySet
from plugin.enrolment.terms import zone_of_host
from plugin.enrolment.views.reach import excepted_by
from plugin.enrolment.views.reasons import begins_on, closed, held_back, left_out, of_manager, of_unit, sentence, waits
from plugin.enrolment.waves.queues import queue_now
from plugin.mirror.tables import DELETED, SUSPENDED, Person, Unit
from plugin.population.matching_keys import Key, keys_of

UNITS = ("organisation", "position")
"""Types whose targets are units."""


def show_rows(
    session: Session, host_id: int, certification: int, *, people: Iterable[int] | None = None
) -> list[dict[str, Any]]:
    """A row per learner who has or had an enrolment, by the host's id; withdrawn and dismissed ones too.

    :param people: only these (our ids).
    """
    query = (
        select(Enrolment, Person.ext, Person.state)
        .join(Person, (Person.host_id == Enrolment.host_id) & (Person.id == Enrolment.person))
        .where(Enrolment.host_id == host_id, Enrolment.certification == certification)
        .order_by(Person.ext)
    )
    chosen = None if people is None else sorted(set(people))
    if chosen is not None:
        query = query.where(Enrolment.person.in_(chosen))
    query = query.where(*inside(session, host_id, Enrolment.person))
    rows = session.execute(query).all()
    names = assignment_names(session, host_id, certification)
    whys = {row.id: row.assignments for row in session.scalars(select(WhySet).where(WhySet.host_id == host_id))}
    questions = {
        row.person: row
        for row in session.scalars(
            select(ExceptionRow).where(ExceptionRow.host_id == host_id, ExceptionRow.certification == certification)
        )
    }
    seats = _seats(session, host_id, certification, chosen)
    return [
        _row(enrolment, ext, state, names, whys.get(enrolment.why, []), questions.get(enrolment.person),
             seats.get(enrolment.person, {}))
        for enrolment, ext, state in rows
    ]  # fmt: skip


def show_page(
    session: Session, host_id: int, certification: int, *, after: str = "", limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """The same a part at a time, and the person to go on after; ``None`` at the end.

    :param after: only people behind this id of the host's.
    """
    found = session.execute(
        select(Enrolment.person, Person.ext)
        .join(Person, (Person.host_id == Enrolment.host_id) & (Person.id == Enrolment.person))
        .where(Enrolment.host_id == host_id, Enrolment.certification == certification, Person.ext > after)
        .where(*inside(session, host_id, Enrolment.person))
        .order_by(Person.ext)
        .limit(limit + 1)
    ).all()
    part = found[:limit]
    rows = show_rows(session, host_id, certification, people=[row.person for row in part])
    return rows, part[-1].ext if len(found) > limit else None


def assignment_names(session: Session, host_id: int, certification: int) -> dict[int, str]:
    """How each assignment of a certification prints, removed ones too."""
    rows = session.execute(
        select(Assignment.id, Assignment.type, Assignment.target).where(
            Assignment.host_id == host_id, Assignment.certification == certification
        )
    )
    return {row[0]: f"{row[1]}:{row[2]}" for row in rows}


def _row(
    row: Enrolment, ext: str, state: int, names: dict[int, str], why: list[int], question: ExceptionRow | None,
    seats: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    live = row.state != WITHDRAWN
    exception = None
    if question is not None:
        exception = {"type": EXCEPTION_TYPES[question.type], "since": format_instant(question.since)}
    return {
        "person": ext,
        "state": STATES[row.state],
        "active": live and row.hold not in INACTIVE_HOLDS,
        "suspended": state == SUSPENDED,
        "held": HOLDS[row.hold] if live else None,
        "leaves_on": format_instant(row.leaves_on),
        "spell_began": format_instant(row.began),
        "due": format_instant(row.due),
        "due_from": names.get(row.due_from) if row.due_from is not None else None,
        "why": sorted(names[one] for one in why if one in names) if live else [],
        "exception": exception,
        "seats": seats,
        "expires": format_instant(row.expires),
        "window_opens": format_instant(row.window_opens),
    }


def _seats(session: Session, host_id: int, certification: int, people: list[int] | None) -> dict[int, dict[str, Any]]:
    """By person the seats in this certification's courses."""
    sql = (
        "SELECT s.person, c.ext, s.wanted, s.confirmed, s.origin, s.parked FROM seat s"
        " JOIN course c ON c.host_id = s.host_id AND c.id = s.course"
        " WHERE s.host_id = :host AND s.course IN"
        " (SELECT course FROM course_set WHERE host_id = :host AND certification = :c){people} ORDER BY c.ext"
    )
    parameters: dict[str, Any] = {"host": host_id, "c": certification}
    statement = text(sql.format(people="" if people is None else " AND s.person IN :people"))
    if people is not None:
        statement = statement.bindparams(bindparam("people", expanding=True))
        parameters["people"] = people
    found: dict[int, dict[str, Any]] = {}
    for person, course, wanted, confirmed, origin, parked in session.execute(statement, parameters):
        seat = {
            "want": WANTS[wanted],
            "confirmed": CONFIRMED[confirmed],
            "origin": "found" if origin == FOUND else "ours",
        }
        if parked is not None:
            seat["parked"] = parked
        found.setdefault(person, {})[course] = seat
    return found


def person_id(session: Session, host_id: int, ext: str) -> int:
    """Our id of a person.

    :raises NotFound: when the host never had one of this id.
    """
    found = session.scalar(select(Person.id).where(Person.host_id == host_id, Person.ext == ext))
    if found is None or not cut(session, host_id, BitMap([found])):
        raise NotFound(_("The host knows no person '%(id)s'.", id=ext))
    return int(found)


def show_person(session: Session, host_id: int, certification: int, ext: str) -> dict[str, Any]:
    """One person: her row (or that she has none), and for every assignment whether it matches her, and why.

    :raises NotFound: for a person the host never had.
    """
    number = person_id(session, host_id, ext)
    person = session.get_one(Person, (host_id, number))
    rows = show_rows(session, host_id, certification, people=[number])
    found: dict[str, Any] = rows[0] if rows else {
        "person": ext, "state": None, "active": False, "suspended": person.state == SUSPENDED, "held": None,
        "leaves_on": None, "spell_began": None, "due": None, "due_from": None, "why": [], "exception": None,
        "seats": {}, "expires": None, "window_opens": None,
    }  # fmt: skip
    found["assignments"] = checks(session, host_id, certification, number)
    found["why_not"] = _why_not(session, host_id, certification, person, found)
    return found


def checks(session: Session, host_id: int, certification: int, person: int) -> list[dict[str, Any]]:
    """Every live assignment of a certification: does it match her? From the resolver that settling asks."""
    _seq, as_of = read_clock(session, host_id)
    every = matches_of(session, host_id, [person], as_of)
    counts, reached = counting(session, host_id, every, as_of), reaching(session, host_id, every, as_of)
    aimed, hit, enrols = ({rule.id for rule in found[person]} for found in (every, counts, reached))
    pins = pinned(session, host_id, certification)
    rules, keys = rules_of(session, host_id, certification), keys_of(session, host_id, [person], as_of)[person]
    units = _units(
        session, host_id, {key[1] for key in (*keys, *(rule.key for rule in rules if rule.key)) if key[0] in UNITS}
    )
    queue = queue_now(session, host_id, certification) if any(rule.id in hit - enrols for rule in rules) else None
    excepted = excepted_by(session, host_id, rules, keys)
    listed = []
    area = area_of(session, host_id)
    for rule in rules:
        if area is not None and rule.type == "individual" and (rule.key is None or rule.key[1] not in area):
            continue  # rows of people outside do not exist for her
        kept = person in pins.get(rule.id, BitMap())
        matches = rule.id in hit or kept
        why = _why(rule.key, keys, units) if not kept else ""
        said = why or sentence(rule.type, rule.id in aimed or kept, kept=kept)
        if rule.id in excepted and not matches:
            said = left_out(excepted[rule.id])
        if queue is not None and rule.id in hit - enrols:
            said = waits(said, queue.day_of(person), zone_of_host(session, host_id), stopped=person in queue.stopped)
        elif rule.id in aimed and not matches and rule.starts is not None:
            said = begins_on(said, local_day(rule.starts, zone_of_host(session, host_id)).isoformat())
        listed.append({"assignment": rule.name, "matches": matches, "sentence": said})
    return listed


def _why(key: Key | None, keys: set[Key], units: Mapping[int, Unit]) -> str:
    """Why a unit or a manager matches her or not, by name; empty where only the type has a sentence.

    :param keys: what she matches (:func:`plugin.population.matching_keys.keys_of`).
    :param units: those of hers and of the targets.
    """
    if key is None:
        return ""
    kind, target, include = key
    below = (kind, target, "below") in keys
    if kind == "manager":
        return of_manager(direct=(kind, target, "direct") in keys, below=below, include=include == "below")
    if kind not in UNITS or target not in units:
        return ""
    own, here = units[target], (kind, target, "") in keys
    hers = [units[one] for word, one, how in keys if word == kind and how == "" and one in units]
    under = [one for one in hers if own.lft <= one.lft and one.rgt <= own.rgt and own.framework == one.framework]
    names = sorted(one.name for one in (under if below and under else hers))
    return of_unit(kind, names, own.name, here=here, below=below, include=include == "below")


def _units(session: Session, host_id: int, ids: set[int]) -> dict[int, Unit]:
    """These units, as far as the host still has them."""
    rows = session.scalars(select(Unit).where(Unit.host_id == host_id, Unit.id.in_(ids), Unit.gone.is_(False)))
    return {row.id: row for row in rows}


def _why_not(session: Session, host_id: int, certification: int, person: Person, found: dict[str, Any]) -> str | None:
    """Why she is not active, or ``None`` if she is."""
    if found["active"]:
        return None
    terms = by_id(session, host_id, certification)
    if person.state == DELETED:
        return str(_("The learning site deleted this person."))
    exempt = session.get(Exemption, (host_id, certification, person.id))
    if exempt is not None and (exempt.until is None or exempt.until > read_clock(session, host_id)[1]):
        return str(_("This learner is exempt: %(reason)s", reason=exempt.reason))
    if terms.state != "live":
        return closed(terms.kind, terms.state)
    if found["held"] == "exception":
        return held_back(found["exception"]["type"] if found["exception"] else "")
    matched = any(one["matches"] for one in found["assignments"])
    if matched and found["state"] not in (None, "withdrawn"):
        return str(_("An administrator decided not to assign this learner."))
    if matched and person.state == SUSPENDED:
        return str(_("This learner is suspended at the learning site, and is settled on coming back."))
    if matched and any(rule.wave for rule in rules_of(session, host_id, certification)):
        return str(_("This learner waits for a wave."))
    if matched:
        return str(_("This learner will be enrolled when the change is settled."))
    return str(_("No assignment matches this learner."))
