"""Where a launch arrives: administrators at their certifications, everybody else at her own page."""

from __future__ import annotations

from flask import Blueprint, Response, g, make_response, redirect, render_template, url_for

from plugin.access.rules import LAUNCHED, rule
from plugin.web.kit import PREFIX

blueprint = Blueprint("home", __name__)


@blueprint.get(f"{PREFIX}/")
@rule(LAUNCHED)
def home() -> Response:
    """On to the page this visitor came for; somebody the host has not told us about reads so."""
    if g.launch.is_administrator:
        return make_response(redirect(url_for("certifications.listing"), 303))
    if g.launch.person is None:
        return make_response(render_template("unknown.html", layout="base.html"))
    return make_response(redirect(url_for("my.listing"), 303))
