"""The review of a file, and how it reads outside (AS-CODE, "Shapes"); for the command and the API alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from plugin.certifications.definition import Proposal
from plugin.certifications.file import certification_file
from plugin.core.host_time import move_on
from plugin.core.runtime import Runtime
from plugin.enrolment.answers.withdrawal_guard import Limits
from plugin.enrolment.saving.confined import confine, keeping
from plugin.enrolment.saving.review import Review, review


def reviewed(runtime: Runtime, host_id: int, text: str) -> tuple[list[Proposal], list[Review]]:
    """What a file proposes, and what saving it would do; nothing is written.

    :param text: YAML or JSON.
    :raises Invalid: naming the key and the line of the first thing wrong.
    :raises RefusedByRule: for what this host cannot do.
    """
    files = certification_file.read_file(text)
    move_on(runtime, host_id)
    with runtime.db.read() as session:
        proposals = [
            confine(session, host_id, keeping(session, host_id, one))
            for one in certification_file.proposals(session, host_id, files)
        ]
        return proposals, review(
            session, host_id, proposals, now=runtime.clock.now(), limits=Limits.of(runtime.settings)
        )


def plan_document(reviews: Sequence[Review]) -> dict[str, Any]:
    """``plan --json`` (AS-CODE, "Shapes")."""
    return {
        "certifications": [
            {
                "code": one.code,
                "version": one.version,
                "adding": asdict(one.adding),
                "removing": asdict(one.removing),
                "redated": one.redated,
                "earlier": one.earlier,
                "messages": one.messages,
                "assignments": [{"assignment": name, "matched": size} for name, size in one.matched.items()],
            }
            for one in reviews
        ]
    }
