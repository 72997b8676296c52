"""The page that confirms a proof's number to whoever has it: no session, limited in rate (REPORTS 5)."""

from __future__ import annotations

from flask import Blueprint, Response

from plugin.access.rules import PUBLIC, rule
from plugin.reports.record import proofs
from plugin.web.frame.kit import page, runtime
from plugin.web.frame.words import long_day

blueprint = Blueprint("verifying", __name__)


@blueprint.get("/verify/<number>")
@rule(PUBLIC)
def verify(number: str) -> Response:
    """What a number confirms: the same as its page."""
    found = proofs.verified(runtime(), number[:100])
    return page("mine/proof.html", proof=found, where="", now=runtime().clock.now(), verified=True, long_day=long_day)
