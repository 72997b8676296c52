"""What commands about a host share: the host and the certification named, who acts, and files."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

import plugin.schema  # noqa: F401 - a process without it would not know how time moves on
from plugin.access import four_eyes, grants, standing
from plugin.access.rights import SHELL as WHOLE
from plugin.access.rights import Rights, rights_of, today
from plugin.access.rules import CHANGE, CREATE, allows, demand, in_area
from plugin.access.traces import COMMAND, Read, trace_now
from plugin.certifications.store import by_code, get
from plugin.cli.opening import runtime
from plugin.cli.rules import IN_AREAS, RULES, SHELL, WIDENS
from plugin.cli.shape import AS
from plugin.core import area_scope
from plugin.core.database import tenant
from plugin.core.errors import Forbidden, Invalid, NotFound, RefusedByRule
from plugin.core.logs import correlation
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.enrolment.views.show import person_id
from plugin.mirror.connections.store import host_by_name
from plugin.mirror.tables import Person
from plugin.population.area import acting_units, area_scope_of


def open_host(name: str | None) -> tuple[Runtime, int]:
    """The runtime and the id of the host named, or of the only one."""
    made = runtime()
    with made.db.read() as session:
        host = host_by_name(session, name)
    work_inside(host.id)
    with made.db.read() as session:
        check_acting_person(made, session, host)
    return made, host.id


def work_inside(host_id: int) -> None:
    """From here on the command is about one host."""
    tenant.enter(host_id)
    ctx, _words = _command()
    if ctx is not None:
        ctx.call_on_close(tenant.leave)


def certification(session: Session, host_id: int, code: str) -> int:
    """The certification's id.

    :raises RefusedByRule: an unknown code is refused with exit status 1.
    """
    try:
        return get(session, host_id, code).id
    except NotFound as error:
        raise RefusedByRule(error.sentence) from None


_HER = "muster.acting"
"""Where a command's context keeps whom ``--as`` names, once her rights were asked."""


@dataclass(frozen=True)
class ActingPerson:
    """Whom ``--as`` names, as rules see a visitor."""

    person: int
    name: str
    rights: Rights
    purpose: str = "shell"
    scopes: tuple[str, ...] = ()


def _command() -> tuple[click.Context | None, str]:
    """The command that runs, and its words without ``muster``."""
    ctx = click.get_current_context(silent=True)
    return ctx, ctx.command_path.partition(" ")[2] if ctx else ""


def refuse_without_rule(ctx: click.Context) -> None:
    """``--as`` is for what a right may allow.

    :raises Forbidden: for a command that only the server's shell may run.
    """
    if RULES.get(ctx.command_path.partition(" ")[2], SHELL) == SHELL:
        raise Forbidden("Nobody has this right: it belongs to the server's shell alone.")


def check_acting_person(made: Runtime, session: Session, host: Host) -> None:
    """Ask the rights of whom ``--as`` names, before anything is done.

    :raises RefusedByRule: where there is no such person, or she is not active. :raises Forbidden: where she may not.
    """
    ctx, words = _command()
    ext = ctx.meta.get(AS) if ctx else None
    if ctx is None or ext is None:
        return
    found = session.scalars(select(Person).where(Person.host_id == host.id, Person.ext == ext)).first()
    if found is None or not standing.is_active(session, found):
        raise RefusedByRule(f"The host knows no active person '{ext}'.")
    held = grants.holds(session, host, found.id, "", made.clock.now())
    rights = rights_of(held, role=False, life=found.life, day=today(made.clock.now(), host.time_zone))
    rights = standing.filled(session, host.id, rights)
    her = ctx.meta[_HER] = ActingPerson(found.id, f"{found.name} ({found.ext})" if found.name else found.ext, rights)
    code = ctx.params.get("code")
    named = certification(session, host.id, code) if code else None
    if words in WIDENS and four_eyes.is_on(session, host.id):
        raise Forbidden("This waits for a second administrator: ask for it on the pages of the learning site.")
    area = words in IN_AREAS
    demand(RULES[words], her, named, area=area)
    if area and in_area(RULES[words], her, named):
        area_scope.tell(area_scope_of(rights.units))
        ctx.call_on_close(lambda: area_scope.tell(None))


def traced(made: Runtime, host_id: int, count: int, person: str = "") -> None:
    """Take down that this command showed so many people, or one (ACCESS 6); before anything is printed."""
    _ctx, words = _command()
    read = Read(host_id, made.clock.now(), who(), COMMAND, words, person=person, count=count, correlation=correlation())
    trace_now(made.db, made.settings.traces, read)


def demand_each(session: Session, host_id: int, name: str, codes: Iterable[str]) -> None:
    """Whom ``--as`` names may do this to each certification; make it, where there is none of this code.

    :raises Forbidden: where she may not.
    """
    her = _her()
    if her is None:
        return
    for code in codes:
        found = by_code(session, host_id, code)
        demand(name if found else CREATE, her, found.id if found else None, area=acting_units() is not None)


def reach_new(made: Runtime, host_id: int, certifications: Iterable[int]) -> None:
    """Whom ``--as`` names administers what she has just made."""
    her = _her()
    for number in certifications:
        if her is not None and not allows(CHANGE, her, number, area=True):
            made.db.transact(partial(_reach, host_id, her.person, number))


def _reach(host_id: int, person: int, number: int, session: Session) -> None:
    grants.reach_too(session, host_id, person, "", number)


def _her() -> ActingPerson | None:
    ctx, _words = _command()
    found: ActingPerson | None = ctx.meta.get(_HER) if ctx else None
    return found


def rights() -> Rights:
    """The rights at work: the shell's, or those of whom ``--as`` names."""
    her = _her()
    return her.rights if her else WHOLE


def acting() -> int | None:
    """Whom ``--as`` names, by our id."""
    her = _her()
    return her.person if her else None


def who() -> str:
    """Who acts, for the history: the shell's user, and whom ``--as`` names."""
    try:
        shell = f"server shell ({getpass.getuser()})"
    except (KeyError, OSError):
        shell = "server shell"
    her = _her()
    return f"{her.name[:150]}, by {shell}"[:255] if her else shell


def person(session: Session, host_id: int, ext: str) -> int:
    """Our id of a person by the host's.

    :raises RefusedByRule: an unknown one is refused with exit status 1.
    """
    try:
        return person_id(session, host_id, ext)
    except NotFound as error:
        raise RefusedByRule(error.sentence) from None


def read_text(name: str) -> str:
    """A file's text, or standard input for ``-``.

    :raises Invalid: when it cannot be read.
    """
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{name} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}.") from None
