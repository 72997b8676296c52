"""``messages``: a message to one recipient."""

from __future__ import annotations

from plugin.certifications.file.schema import WHENS
from plugin.delivery.messages.channels import KINDS
from plugin.delivery.tables import MESSAGE_STATES
from plugin.notifications.personal import BY_HAND
from plugin.reports.columns import INSTANT, TEXT, WORD, Column, ReportSource
from plugin.reports.sources.cells import CERTIFICATION, OVERDUE, of_enrolment
from plugin.reports.sources.learners import held_by
from plugin.reports.sources.people import PERSON

EVENTS = (*WHENS, *BY_HAND)
COLUMNS = (
    *CERTIFICATION,
    *PERSON,
    Column("event", WORD, 'g."when"', words=EVENTS),
    Column("recipient", TEXT, "r.ext", known="person"),
    Column("about", TEXT, "p.ext", known="person"),
    Column("channel", WORD, "g.channel", words=KINDS),
    Column("state", WORD, "g.state", words=MESSAGE_STATES),
    Column("at", INSTANT, "COALESCE(g.sent_at, g.created)"),
)
SOURCE = ReportSource(
    name="messages",
    base=(
        "message g LEFT JOIN certification c ON c.host_id = g.host_id AND c.id = g.certification"
        " LEFT JOIN person p ON p.host_id = g.host_id AND p.id = g.learner"
        " LEFT JOIN person r ON r.host_id = g.host_id AND r.id = g.recipient"
    ),
    slim="message g",
    where="g.host_id = ?",
    columns=COLUMNS,
    keys={"_certification": "g.certification", "_person": "g.learner", "_id": "g.id"},
    ties=("COALESCE(p.ext, '')", "COALESCE(c.code, '')", "g.id"),
    identity=("_id",),
    found_by=("_id",),
    default=("certification", "certification_name", "event", "recipient", "about", "channel", "state", "at"),
    certification="g.certification",
    person="g.learner",
    overdue=of_enrolment("g.certification", "g.learner", OVERDUE),
    held_by=lambda asker, ids: of_enrolment("g.certification", "g.learner", held_by(asker, ids)),
    order="-at",
)
