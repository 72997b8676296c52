"""Reads what was saved: certifications by code, and their definitions at any version."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.definition import Definition
from plugin.certifications.tables import Certification, Version
from plugin.core.errors import NotFound


def get(session: Session, host_id: int, code: str) -> Certification:
    """The certification with this code.

    :raises NotFound: when the host has none.
    """
    found = by_code(session, host_id, code)
    if found is None:
        raise NotFound(f"There is no certification or program with the code '{code}'.")
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
        raise NotFound("There is no such certification or program.")
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
    row = session.get(Version, (host_id, number, wanted))
    if row is None:
        raise NotFound(f"There is no version {wanted}.")
    definition = Definition.from_json(row.definition)
    rows = tuple(replace(assignment, members=None) for assignment in definition.assignments)
    return replace(definition, assignments=rows)
