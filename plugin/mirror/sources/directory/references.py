"""References between the resources of a directory: our id, else an ``externalId``, of somebody who may come later."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.mirror.sources.directory.tables import USER, DirectoryResource
from plugin.mirror.sources.joining import parts
from plugin.mirror.sources.source import Source


def user_ids(session: Session, source: Source, references: Iterable[str]) -> dict[str, str]:
    """By reference the user's id; one that nobody has stands for itself until somebody comes."""
    wanted = {one for one in references if one}
    found: dict[str, str] = {}
    here = (
        DirectoryResource.host_id == source.host_id, DirectoryResource.source == source.id,
        DirectoryResource.kind == USER, DirectoryResource.deleted.is_(False),
    )  # fmt: skip
    for part in parts(wanted):
        rows = session.execute(
            select(DirectoryResource.external, DirectoryResource.id)
            .where(*here, DirectoryResource.external.in_(part))
            .order_by(DirectoryResource.created.desc(), DirectoryResource.id)
        )
        found.update({row[0]: row[1] for row in rows})
    for part in parts(wanted):
        own = session.scalars(select(DirectoryResource.id).where(*here, DirectoryResource.id.in_(part)))
        found.update({one: one for one in own})
    return {one: found.get(one, one) for one in wanted}


def user_id(session: Session, source: Source, reference: str) -> str:
    """The id of one user; see :func:`user_ids`."""
    return user_ids(session, source, [reference]).get(reference, "")
