"""Rights and sessions from the command line (ACCESS 2, 4)."""

from __future__ import annotations

from plugin.access import four_eyes, grants, sessions, traces
from plugin.access.grants import RequestedGrant
from plugin.cli.context import acting, certification, open_host, person, rights, who
from plugin.cli.opening import print_json
from plugin.core.clock import format_instant, parse_instant
from plugin.core.errors import Invalid, NotFound, RefusedByRule
from plugin.core.tables import Host


def add(
    host: str | None, role: str, person: str | None, subject: str | None, codes: tuple[str, ...], until: str, reason: str,
    *, may_create: bool, category: tuple[str, ...] = (), unit: tuple[str, ...] = (),
) -> int:  # fmt: skip
    """Give somebody rights, and print the grant's number."""
    runtime, host_id = open_host(host)
    if (person is None) == (subject is None):
        raise Invalid("Name a person by --person, or a subject by --subject.")
    with runtime.db.read() as session:
        numbers = tuple(certification(session, host_id, code) for code in codes)
        number = _person(session, host_id, person) if person is not None else None
        units = tuple(grants.unit_named(session, host_id, one) for one in unit)
    wanted = RequestedGrant(role, number, subject or "", numbers or None, may_create, until, reason, category, units)
    by, may = who(), rights()
    row = runtime.db.transact(
        lambda session: grants.add(session, host_id, wanted, by=may, at=runtime.clock.now(), who=by)
    )
    print(f"Granted: {row.id}.")
    return 0


_person = person


def listing(host: str | None, *, as_json: bool) -> int:
    """Print the grants there are."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        held = grants.listed(session, session.get_one(Host, host_id), runtime.clock.now())
        rows = [grants.document(one) for one in held]
    if as_json:
        print_json(rows)
        return 0
    for row in rows:
        whom = f"person {row['person']}" if "person" in row else f"subject {row['subject']}"
        print(f"{row['id']}\t{row['role']}\t{whom}\t{row['until'] or '-'}\t{row['state']}")
    return 0


def remove(host: str | None, number: int, *, even_the_last: bool) -> int:
    """Take rights back; the last grant of a site administrator is the shell's alone."""
    runtime, host_id = open_host(host)
    by, may = who(), rights()
    if even_the_last and acting() is not None:
        raise RefusedByRule("The last grant of a site administrator goes by the server's shell alone: leave out --as.")
    try:
        runtime.db.transact(
            lambda session: grants.remove(
                session, host_id, number, by=may, at=runtime.clock.now(), who=by, even_the_last=even_the_last
            )
        )
    except NotFound as error:
        raise RefusedByRule(error.sentence) from None
    print("Removed.")
    return 0


def confirm(host: str | None, number: int) -> int:
    """A grant to a subject becomes one to the person who has appeared with it."""
    runtime, host_id = open_host(host)
    by, may = who(), rights()
    try:
        runtime.db.transact(
            lambda session: grants.confirm(session, host_id, number, by=may, at=runtime.clock.now(), who=by)
        )
    except NotFound as error:
        raise RefusedByRule(error.sentence) from None
    print("Confirmed.")
    return 0


def end_sessions(host: str | None, person: str | None, *, every: bool) -> int:
    """End all sessions of a person, or of the host."""
    if (person is None) != every:
        raise Invalid("Name a person by --person, or say --all.")
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        number = _person(session, host_id, person) if person is not None else None
    by = who()
    count = runtime.db.transact(
        lambda session: sessions.end_all(session, host_id, number, at=runtime.clock.now(), who=by)
    )
    print(f"{count} sessions ended.")
    return 0


def four_eyes_on(host: str | None) -> int:
    """Want two for what gives rights or sends data elsewhere."""
    return _switch(host, on=True)


def four_eyes_off(host: str | None) -> int:
    """Want two no longer: the server's shell may."""
    return _switch(host, on=False)


def _switch(host: str | None, *, on: bool) -> int:
    runtime, host_id = open_host(host)
    by = who()
    runtime.db.transact(lambda session: four_eyes.switch(session, host_id, on=on, at=runtime.clock.now(), who=by))
    print(f"Four eyes are {'on' if on else 'off'}.")
    return 0


def four_eyes_list(host: str | None, *, as_json: bool) -> int:
    """Print what waits for a second administrator."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        rows = [
            {
                "id": one.id,
                "what": one.what,
                "with": dict(one.shown),
                "who": one.who,
                "asked": format_instant(one.asked),
            }
            for one in four_eyes.waiting(session, host_id, runtime.clock.now())
        ]
    if as_json:
        print_json(rows)
        return 0
    for row in rows:
        print(f"{row['id']}\t{row['what']}\t{row['who']}\t{row['asked']}")
    return 0


def four_eyes_refuse(host: str | None, number: int) -> int:
    """Say no to what waits."""
    runtime, host_id = open_host(host)
    by = who()
    try:
        runtime.db.transact(lambda session: four_eyes.refuse(session, host_id, number, at=runtime.clock.now(), who=by))
    except NotFound as error:
        raise RefusedByRule(error.sentence) from None
    print("Refused.")
    return 0


def who_read(host: str | None, *, who: str, person: str | None, since: str, as_json: bool) -> int:
    """Print who read what, newest first."""
    runtime, host_id = open_host(host)
    with runtime.db.read() as session:
        about = _person(session, host_id, person) if person is not None else None
        start = parse_instant(since) if since else 0
        rows = traces.found(session, host_id, who=who, person=about, since=start, limit=_MOST)
        found = traces.documents(session, host_id, rows)
    if as_json:
        print_json(found)
        return 0
    for row in found:
        about_whom = row["person"] or row["certification"] or "-"
        print(f"{row['at']}\t{row['who']}\t{row['how']}\t{row['what']}\t{about_whom}\t{row['count']}")
    return 0


_MOST = 10_000
