"""Setting sources up: added, changed, paused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from plugin.core import journal
from plugin.core.errors import Invalid, RefusedByRule
from plugin.core.ids import take_ids
from plugin.core.network.addresses import server_of
from plugin.core.tables import Host
from plugin.mirror.sources.directory.mapping import key_of
from plugin.mirror.sources.directory.tables import DirectoryResource
from plugin.mirror.sources.directory.writing import said_of_all
from plugin.mirror.sources.intake import take
from plugin.mirror.sources.joining import key_accounts
from plugin.mirror.sources.managing.mappings import check_kind, check_mapping
from plugin.mirror.sources.managing.matching import rejoin
from plugin.mirror.sources.managing.supplying import begin_anew, site_offers
from plugin.mirror.sources.overlays import lay_over_everyone
from plugin.mirror.sources.source import (
    DEFAULT_JOIN,
    SITE_SUPPLIES,
    Source,
    normal_key,
    parse_join,
    set_suppliers,
    source_of,
    source_row,
    suppliers_of,
)
from plugin.mirror.sources.source_data import Delivery
from plugin.mirror.sources.tables import Identity
from plugin.mirror.tables import SITE, SOURCE, Audience, Connection, Job, Person, Unit

_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")


def add_source(
    session: Session, host_id: int, name: str, kind: str, *, join_by: str, mapping: object, at: int, who: str
) -> Connection:
    """Register a source; it supplies what it offers and nobody else does yet (SOURCES 2.1).

    :param mapping: as its kind has it, see :func:`plugin.mirror.sources.managing.mappings.check_mapping`.
    :raises Invalid: for a name, kind, join or mapping that cannot be.
    :raises RefusedByRule: where the name is taken, or ids of the learning site begin like its ids.
    """
    if not _NAME.fullmatch(name) or name == SITE:
        raise Invalid(
            f"'{name}' is no name for a source: a small letter, then small letters, digits and hyphens, at most 64."
        )
    check_kind(kind)
    parse_join(join_by)
    taken = select(Connection.name).where(Connection.name == name).union(select(Host.name).where(Host.name == name))
    if session.execute(taken).first() is not None:
        raise RefusedByRule(_("There is a host or a source named '%(name)s' already.", name=name))
    sites: dict[Any, Any] = {Person: Person.ghost.is_(False)} | {
        table: table.connection == 0 for table in (Unit, Job, Audience)
    }  # of a source that had this name before, marked rows stay; the new one takes them up
    for table, of_site in sites.items():
        like = select(table.ext).where(
            table.host_id == host_id, of_site, table.ext.startswith(f"{name}:", autoescape=True)
        )
        found = session.scalars(like.limit(1)).first()
        if found is not None:
            words = {"name": name, "id": found}
            raise RefusedByRule(
                _("A source cannot be named '%(name)s': the learning site has an id that begins so, '%(id)s'.", **words)
            )
    row = Connection(
        host_id=host_id, id=take_ids(session, host_id, "connection"), name=name, kind=kind, role=SOURCE,
        mapping=check_mapping(kind, mapping, parse_join(join_by)[0]), settings={"join": join_by}, caps={}, marks={}, since=at,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:  # another host's, which row security hides from the question above
        raise RefusedByRule(_("There is a host or a source named '%(name)s' already.", name=name)) from None
    _supply_by_default(session, host_id, row.id, at)
    key_accounts(session, source_of(session, row))
    journal.record(session, host_id, at, who, "source_added", reason=name, data={"kind": kind, "join": join_by})
    return row


def _supply_by_default(session: Session, host_id: int, connection: int, at: int) -> None:
    offered = site_offers(session, host_id)
    for kind, listed in suppliers_of(session, host_id).items():
        if kind == "fields":
            place = listed.index(SITE_SUPPLIES) if SITE_SUPPLIES in listed else len(listed)
            set_suppliers(session, host_id, kind, [*listed[:place], connection, *listed[place:]])
            if listed[place + 1 :]:  # the places of those after it in the order move down
                lay_over_everyone(session, host_id, at, str(session.get_one(Host, host_id).time_zone))
        elif kind not in offered:
            set_suppliers(session, host_id, kind, [*(one for one in listed if one != SITE_SUPPLIES), connection])


def change_source(
    session: Session, host_id: int, name: str, *, kind: str | None = None, join_by: str | None = None,
    mapping: object = None, settings: Mapping[str, Any] | None = None, secret: str | None = None,
    confirmed: int | None = None, at: int, who: str,
) -> str:  # fmt: skip
    """Change what a source is, how it joins and is read; joins are made anew where their keys changed.

    Another kind begins anew: what the source supplied goes, and its name, its join and what it supplies stay.

    :param settings: names not given keep their values. :param secret: what a fetch is signed in with; ``""`` forgets it.
    :param confirmed: the number of withdrawals that somebody confirmed, for the history.
    :returns: why somebody has to look first, where a directory's people would lose too much by a mapping; else ``""``.
    :raises NotFound: for a name nobody has. :raises Invalid: for a kind, a join or a mapping that cannot be, and for another
        server without the secret.
    """
    row = source_row(session, host_id, name, lock=True)
    before = _described(row)
    address = str((settings or {}).get("url", row.settings.get("url", "")))
    if row.api_token and secret is None and server_of(str(row.settings.get("url", ""))) != server_of(address):
        raise Invalid(_("Enter the secret again: what was given for one address is not sent to another."))
    if kind is not None and kind != row.kind:
        check_kind(kind)
        begin_anew(session, row, kind, at)
        mapping = row.mapping if mapping is None else mapping
    if secret is not None:
        row.api_token = secret or None
    if settings or secret is not None:
        _set_fetching(row, dict(settings or {}), anew=secret is not None, at=at)
    if mapping is not None:
        joins = join_by if join_by is not None else str(row.settings.get("join") or DEFAULT_JOIN)
        row.mapping = check_mapping(row.kind, mapping, parse_join(joins)[0])
    if join_by is not None and join_by != row.settings.get("join"):
        parse_join(join_by)
        row.settings = {**row.settings, "join": join_by}
        session.flush()
        _rekey(session, source_of(session, row), at)
    session.flush()
    after, guard = _described(row), ""
    if row.kind == "scim" and after["mapping"] != before["mapping"]:
        guard = _read_users_anew(session, source_of(session, row), at)
    if after != before:
        data = {"before": before, "after": after} | ({} if confirmed is None else {"withdrawals": confirmed})
        journal.record(session, host_id, at, who, "source_changed", reason=name, data=data, count=confirmed or 0)
    return guard


def _described(row: Connection) -> dict[str, Any]:
    return {"kind": row.kind, "join": row.settings.get("join"), "mapping": row.mapping}


def _read_users_anew(session: Session, source: Source, at: int) -> str:
    """A directory sends a user again only where she changed, so that those it has sent are read anew by another mapping.

    :returns: why somebody has to look first, where more would lose what they have than the row guard lets through.
    """
    return take(session, source.host_id, source, Delivery(people=said_of_all(session, source)), at).guard or ""


def _set_fetching(row: Connection, settings: dict[str, Any], *, anew: bool, at: int) -> None:
    """Keep settings of fetching. Another address, another secret or a forgotten host key begins anew: what was kept of the
    last fetch goes (the pinned key only with the address, or asked for), and so does a pause that fetching itself made.
    """
    before = row.settings
    forget = "host_key" in settings
    settings.pop("host_key", None)
    moved = "url" in settings and settings["url"] != before.get("url", "")
    kept = dict(before.get("fetched") or {})
    if moved:
        kept = {}
    elif anew or forget:
        kept = {name: value for name, value in kept.items() if name == "host_key" and not forget}
    row.settings = {**before, **settings, "fetched": kept}
    if (moved or anew or forget) and row.reason:
        row.state, row.reason, row.since = "active", "", at


def _rekey(session: Session, source: Source, at: int) -> None:
    """Every key anew, by another field. What the source did not keep of it comes with its next delivery."""
    key_accounts(session, source)
    ids: list[int] = []
    for row in session.scalars(
        select(Identity).where(Identity.host_id == source.host_id, Identity.source == source.id)
    ).all():
        said = row.said
        fields = dict(said.get("fields") or {})
        values = {"id": row.ext, "email": said.get("email"), **fields}
        written = session.get(DirectoryResource, (source.host_id, source.id, row.ext))
        given = values.get(source.key_field) if written is None else key_of(source, row.ext, written.document)
        row.key = normal_key(given, source.account_field)
        ids.append(row.id)
    session.flush()
    rejoin(session, source, ids, at)


def set_paused(session: Session, host_id: int, name: str, *, paused: bool, at: int, who: str) -> None:
    """Stop reading a source, or go on; what it supplied stays as it is (SOURCES 2.4)."""
    row = source_row(session, host_id, name, lock=True)
    state = "paused" if paused else "active"
    if row.state != state or (not paused and row.reason):
        row.state, row.reason, row.since, row.retry_at, row.failures = state, "", at, 0, 0
        journal.record(session, host_id, at, who, "source_paused" if paused else "source_resumed", reason=name)
