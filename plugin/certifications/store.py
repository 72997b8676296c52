"""Reads what was saved: certifications by code, and their definitions at any version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.definition import Definition
from plugin.certifications.tables import Certification, Version
from plugin.core.database.slices import slices
from plugin.core.errors import NotFound


def get(session: Session, host_id: int, code: str) -> Certification:
    """The certification with this code.

    :raises NotFound: when the host has none.
    """
    found = by_code(session, host_id, code)
    if found is None:
        raise NotFound(_("There is no certification or program with the code '%(code)s'.", code=code))
    return found


def by_code(session: Session, host_id: int, code: str) -> Certification | None:
    """The certification with this code, if there is one."""
    return session.scalars(
        select(Certification).where(Certification.host_id == host_id, Certification.code == code)
    ).first()


def by_id(session: Session, host_id: int, number: int) -> Certification:
    """The certification with this id.

    :raises NotFound: when the host has none.
    """
    found = session.get(Certification, (host_id, number))
    if found is None:
        raise NotFound(_("There is no such certification or program."))
    return found


def codes(session: Session, host_id: int) -> list[str]:
    """Every code of a host, in alphabetical order."""
    rows = session.scalars(select(Certification.code).where(Certification.host_id == host_id))
    return sorted(rows)


def definition_of(session: Session, host_id: int, number: int, version: int | None = None) -> Definition:
    """A saved definition: the present one, or that of an earlier version.

    Group members live outside versions: they come back as ``None``, "stays as it is".

    :raises NotFound: when that version was never saved.
    """
    wanted = by_id(session, host_id, number).version if version is None else version
    found = definitions_of(session, host_id, {number: wanted})
    if not found:
        raise NotFound(_("There is no version %(number)s.", number=wanted))
    return found[number]


def definitions_of(session: Session, host_id: int, versions: Mapping[int, int]) -> dict[int, Definition]:
    """The same of several certifications at once; one that has no such version is left out.

    :param versions: by certification, which.
    """
    listed, found = sorted(versions), dict[int, Definition]()
    for part in slices(listed):
        query = select(Version.certification, Version.n, Version.definition).where(
            Version.host_id == host_id,
            Version.certification.in_(part),
            Version.n.in_({versions[number] for number in part}),
        )
        for number, n, document in session.execute(query):
            if n == versions[number]:
                definition = Definition.from_json(document)
                rows = tuple(replace(assignment, members=None) for assignment in definition.assignments)
                found[number] = replace(definition, assignments=rows)
    return found
