"""What administrators do again and again on the Assignments tab, as forms: what a browser without scripts sends."""

from __future__ import annotations

import re

from tests.web.conftest import Visitor


def make(visitor: Visitor, name: str = "Food Safety Level 2", **more: object) -> str:
    """A live certification of two courses; returns the path of its pages."""
    answer = visitor.post("/certifications/new", {"name": name, "course": ["c1", "c2"], **more})
    assert answer.status_code == 303, answer.text
    return re.search(r"/certifications/\d+", answer.location)[0]  # type: ignore[index]


def add(visitor: Visitor, path: str, *units: str) -> None:
    """Organisations, past the warning."""
    confirmed = visitor.post(f"{path}/assignments/add/organisation/confirm", {"target": list(units)})
    assert confirmed.status_code == 200, confirmed.text
    picked(visitor, path, "organisation", *units)


def picked(visitor: Visitor, path: str, kind: str, *targets: str) -> None:
    """Anything by its type, without looking at the warning."""
    answer = visitor.post(f"{path}/assignments/add/{kind}", {"target": list(targets)})
    assert answer.status_code == 303, answer.text


def due(visitor: Visitor, path: str, key: str, day: str) -> None:
    """Give an assignment a fixed date."""
    answer = visitor.post(f"{path}/assignments/due", {"key": key, "kind": "fixed", "date": day})
    assert answer.status_code == 303, answer.text


def save(visitor: Visitor, path: str, **fields: str) -> int:
    """Through the review; returns the status of the answer."""
    shown = visitor.page(f"{path}/assignments/review")
    answer = visitor.post(f"{path}/assignments/save", {"revision": revision(shown), **fields})
    return answer.status_code


def revision(page: str) -> str:
    """Which draft a page shows."""
    return re.search(r'name="revision" value="(\d+)"', page)[1]  # type: ignore[index]


def names(page: str) -> list[str]:
    """Names of the rows of a table, in their order."""
    return re.findall(r'<bdi class="name">([^<]*)</bdi>', page)
