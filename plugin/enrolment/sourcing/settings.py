"""How a source is set up is changed: with a review where that changes what its people have (SOURCES 2.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from plugin.core.runtime import Runtime
from plugin.enrolment.sourcing.changes import reviewed
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.enrolment.sourcing.plans import LoadPlan
from plugin.enrolment.sourcing.retargeting import TYPES, checked
from plugin.mirror.sources.managing import setup
from plugin.mirror.sources.source import DEFAULT_JOIN, source_row


@dataclass(frozen=True)
class SourceChange:
    """What is asked; what is not named stays.

    :ivar settings: of fetching, see :func:`plugin.enrolment.sourcing.fetching.chosen`. :ivar secret: what a fetch is signed
        in with; ``""`` forgets it. :ivar targets: by old id of what a source of another kind takes with it the new one.
    """

    kind: str | None = None
    join: str | None = None
    mapping: object = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    secret: str | None = None
    targets: object = None


def change(
    runtime: Runtime, host_id: int, name: str, asked: SourceChange, *, yes: bool = False, allow: int | None = None,
    who: str,
) -> LoadPlan | None:  # fmt: skip
    """Change a source. ``None``: nobody gains or loses anything by such a change before the next load.

    :param yes: somebody looked at the plan. :param allow: how many withdrawals are confirmed: the plan's number.
    :raises NotFound: for a name nobody has. :raises Invalid: for a kind, a join or a mapping that cannot be.
    :raises NotLoaded: with the plan, where somebody would be withdrawn, a row would lose its target or the row guard wants
        a person to look, and nobody said yes.
    """
    wanted, now = checked(asked.targets), runtime.clock.now()

    def work(session: Session) -> str:
        return setup.change_source(
            session, host_id, name, kind=asked.kind, join_by=asked.join, mapping=asked.mapping, settings=asked.settings,
            secret=asked.secret, confirmed=allow, at=now, who=who,
        )  # fmt: skip

    with runtime.db.read() as session:
        row = source_row(session, host_id, name)
        other = asked.kind is not None and asked.kind != row.kind
        joins = asked.join is not None and asked.join != str(row.settings.get("join") or DEFAULT_JOIN)
        said = row.kind == "scim" and asked.mapping is not None and asked.mapping != row.mapping
    if not other and not joins and not said:
        if allow:
            raise NotLoaded(f"--allow-withdrawals says {allow}, and nobody is withdrawn by this.")
        runtime.db.transact(work)
        return None
    types = list(TYPES.values()) if other else []
    return reviewed(runtime, host_id, work, name, yes=yes, types=types, wanted=wanted, who=who, allow=allow)
