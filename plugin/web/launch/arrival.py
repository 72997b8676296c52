"""Where a launch arrives: administrators at what needs them today, everybody else at her own page."""

from __future__ import annotations

from flask import Blueprint, Response, g, make_response, redirect, render_template, url_for

from plugin.access.rules import LAUNCHED, rule
from plugin.web.frame.kit import PREFIX

blueprint = Blueprint("home", __name__)


@blueprint.get(f"{PREFIX}/")
@rule(LAUNCHED)
def home() -> Response:
    """On to the page this visitor came for; somebody the host has not told us about reads so."""
    if g.launch.rights.any:
        return make_response(redirect(url_for("today.show"), 303))
    if g.launch.person is None:
        stranger = bool(g.launch.data.get("stranger"))
        page = render_template(
            "frame/unknown.html", layout="frame/base.html", stranger=stranger, subject=g.launch.subject
        )
        return make_response(page)
    return make_response(redirect(url_for("my.listing"), 303))
