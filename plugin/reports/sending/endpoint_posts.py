"""A report posted to an endpoint: signed, and under the same ``webhook-id`` however often it is tried."""

from __future__ import annotations

from typing import IO

from plugin.core.network.http import CallFailed
from plugin.core.network.signing import signed_file_headers
from plugin.core.runtime import Runtime
from plugin.delivery.endpoints.event_calls import secrets_of
from plugin.delivery.tables import Endpoint
from plugin.reports.sending.tables import ReportSending

DEADLINE = 300.0
"""Seconds a receiver has for a whole file."""
_ANSWER = 64 * 1024


def post(runtime: Runtime, host_id: int, endpoint: int, row: ReportSending, file: IO[bytes]) -> tuple[str, str]:
    """Post a file; what became of it (``sent``, ``failed``, or ``again``: try later) and why."""
    with runtime.db.read() as session:
        found = session.get(Endpoint, (host_id, endpoint))
    if found is None:
        return "failed", "The endpoint was removed."
    if found.state != "active":
        return "again", "The endpoint is paused or disabled."
    headers = signed_file_headers(
        secrets_of(found, runtime.clock.now()), f"report_{host_id}_{row.id}", file, at=runtime.clock.true()
    ) | {"Content-Type": row.media, "Content-Disposition": f'attachment; filename="{row.file_name}"'}
    file.seek(0)
    try:
        answer = runtime.http.post(
            found.url, data=file, headers=headers, deadline=DEADLINE, read_timeout=60, max_bytes=_ANSWER, cut=True
        )
    except CallFailed as failure:
        return ("failed" if failure.blocked else "again"), failure.reason
    if answer.ok:
        return "sent", ""
    if answer.status in (400, 401, 403, 404, 410, 413, 415, 422):
        return "failed", f"The receiver answered {answer.status}."
    return "again", f"The receiver answered {answer.status}."
