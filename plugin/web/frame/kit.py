"""What every page needs: the runtime, who is looking, and a page that is also a fragment.

A view parses, asks one room, and renders. A request that carries ``X-Muster-Fragment`` comes from our own script:
it gets the inside of the page alone, and instead of a redirect the address to go to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sized
from typing import Any
from urllib.parse import urlsplit

from flask import Response, current_app, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _

from plugin.access.rules import SignedOut
from plugin.core.errors import Invalid
from plugin.core.runtime import Runtime

FRAGMENT = "X-Muster-Fragment"
"""Header of requests made by our script."""
GO_TO = "X-Muster-Location"
"""Header of answers to them that say where to go."""

PREFIX = "/t/<handle>"
"""Where the pages of a launch live; the launch session takes the handle out again."""
PAGE_SIZE = 50
_PLACE = re.compile(r"(?:[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)


def runtime() -> Runtime:
    """The runtime this application was built with."""
    found: Runtime = current_app.extensions["muster"]
    return found


def host_id() -> int:
    """The tenant of this launch."""
    return int(g.launch.host_id)


def editor() -> str:
    """Names the administrator whose draft this is."""
    return str(g.launch.subject)[:255]


def who() -> str:
    """How the history names the person at work."""
    name, subject = str(g.launch.name or ""), str(g.launch.subject)
    return (f"{name[:150]} ({subject[:100]})" if name else subject)[:255]


def wants_fragment() -> bool:
    """Whether our own script asks."""
    return FRAGMENT in request.headers


def demand_own_page() -> None:
    """Refuse a form that another site sent: none changes what a session may, and none opens a session of its own choice.

    A browser says where a form comes from; our pages send no referrer, so that for them an ``Origin`` may be ``null``.

    :raises SignedOut: where it comes from elsewhere.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site not in (None, "same-origin") or (origin not in (None, "null") and urlsplit(origin).netloc != request.host):
        raise SignedOut(_("This request did not come from Muster's own page."))


def page(template: str, *, status: int = 200, **context: Any) -> Response:
    """A page, or its inside alone for our script."""
    layout = "frame/fragment.html" if wants_fragment() else "frame/base.html"
    g.problem, g.people_shown = context.get("problem"), shown_in(context)
    return make_response(render_template(template, layout=layout, **context), status)


def shown_in(context: Mapping[str, Any]) -> int:
    """How many people a page shows at most: its rows, or its list of people."""
    for name in ("rows", "people", "results"):
        if isinstance(found := context.get(name), Sized):
            return len(found)
    return 1 if "who" in context else 0


def go(address: str) -> Response:
    """Redirect after a post; our script goes there by itself."""
    if wants_fragment():
        answer = Response(status=204)
        answer.headers[GO_TO] = address
        return answer
    return make_response(redirect(address, code=303))


def number(name: str, otherwise: int = 0) -> int:
    """A whole number from the address, never negative; anything else counts as not given."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else otherwise


def page_number() -> int:
    """The page asked for, from 1."""
    return max(1, number("page", 1))


def query() -> str:
    """What is searched for, at most 200 characters."""
    return " ".join(request.args.get("q", "").split())[:200]


def field(name: str, most: int = 255) -> str:
    """A line of text from the form.

    :raises Invalid: when it is longer than ``most``.
    """
    text = " ".join(request.form.get(name, "").split())
    if len(text) > most:
        raise Invalid(
            _("That is too long: %(length)s characters, where %(most)s are allowed.", length=len(text), most=most)
        )
    return text.replace("\x00", "")


def origin_of(address: str) -> str:
    """Scheme and host of an address, for messages to the host's window and who may frame us; empty where there is none.

    Nothing but a plain name passes: with a star, a blank or a semicolon it would mean others, or something else.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    plain = parts.scheme in ("https", "http") and _PLACE.fullmatch(parts.netloc)
    return f"{parts.scheme}://{parts.netloc}" if plain else ""


def back_to(otherwise: str, person: str) -> str:
    """Where an act leads: to the learner's own page where it was done there.

    :param person: the host's id of the learner, where the form does not name her page.
    """
    return url_for("person.show", person=person) if request.form.get("back") == "person" else otherwise


def nudge() -> None:
    """Tell the worker that there may be something to do. May be lost: the sweep finds it."""
    nudges = current_app.extensions.get("muster_nudges")
    if nudges is not None:
        nudges.nudge(int(g.launch.host_id) if g.get("launch") else 0)
