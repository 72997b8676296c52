"""Requests of a stranger with a session or a token: forms of every page, operations of the API and of SCIM, all of it bent.

Forms are read from the pages as they are shown, so that most of what is sent is nearly right. Seeded: the same seed sends the
same requests to the same state.
"""

from __future__ import annotations

import json
import random
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlencode

from flask import Flask
from sqlalchemy import text
from werkzeug.routing import IntegerConverter, Rule

from plugin.access.rules import scope_of
from plugin.core.db import Database
from tests.digest import changed, digest_of
from tests.hostile import STRINGS

BESIDE = frozenset({"api_token", "counter", "launch_session", "trace"})
"""Tables that a refused request may touch: when a session or token was last used, and who looked at what."""
AWAY = 503
"""The learning site does not answer: in these tests there is none. That it was tried is kept."""
NUMBERS = [
    "0",
    "1",
    "2",
    "3",
    "77",
    "-1",
    "9223372036854775807",
    "9223372036854775808",
    "1" + "0" * 40,
    "1.5",
    "١",
    "0x1",
    " 1",
]
WORDS = ["FS", "ann", "bea", "cid", "sales", "north", "organisation:sales", "individual:ann", "learners", "overview", "registry", "csv",
         "xlsx", "individual", "group", "position", "manager", "audience", "volunteers", "j-ann", "newly", "daily", "yes", "2027-03-31",
         "columns", "due", "c1", "open", "assigned"]  # fmt: skip
SHORT = [one for one in STRINGS if len(one) < 400]
KEYS = ["version", "certifications", "code", "name", "assignments", "individual", "organisation", "due", "include", "person", "reason",
        "until", "to", "action", "ids", "type", "kind", "url", "settings", "mapping", "query", "source", "timing", "every", "how", "format",
        "schemas", "userName", "active", "externalId", "Operations", "op", "path", "value", "members", "displayName", "emails", "scopes",
        "content", "certification", "courses", "needs", "except", "start", "wave", "exceptions", "areas", "category"]  # fmt: skip
METHODS = ("POST", "PUT", "PATCH", "DELETE")


@dataclass
class Form:
    """A form of a page: where it goes, and what it holds."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(given.get("action", "")))
        elif tag in ("input", "select", "textarea", "button") and self.found and given.get("name"):
            self.found[-1].fields.append((given["name"], given.get("value", "")))
        elif tag == "option" and self.found and self.found[-1].fields and "selected" in given:
            name, _value = self.found[-1].fields[-1]
            self.found[-1].fields[-1] = (name, given.get("value", ""))
        if tag == "a" and given.get("href", "").startswith("/t/"):
            self.links.append(given["href"])


@dataclass
class Fuzzer:
    """Sends requests and looks at what they did.

    :ivar enter: opens sessions and makes a token: the handle of a site administrator, a token with every scope, and handles
        of others. Asked again once they end: signing out is a form like any other.
    """

    app: Flask
    database: Database
    enter: Callable[[], tuple[str, str, tuple[str, ...]]]
    seed: int = 1
    statuses: Counter[int] = field(default_factory=Counter)
    endpoints: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.client = self.app.test_client()
        self.handle, self.token, self.people = self.enter()
        rules = [one for one in self.app.url_map.iter_rules() if one.endpoint != "static"]
        self.pages = [one for one in rules if "handle" in one.arguments]
        self.programs = [one for one in rules if scope_of(self.app.view_functions[one.endpoint])]
        self.forms: dict[str, Form] = {}
        self.links: dict[str, None] = {}
        self._known: dict[str, str] | None = None
        self._version = -1
        file = self.database.engine.url.database
        self._watch = sqlite3.connect(str(file), isolation_level=None) if self.database.sqlite else None

    def run(self, count: int) -> None:
        """Send so many requests.

        :raises AssertionError: for an answer that is a fault, and for a refusal that changed something.
        """
        self._look_around()
        for method, path, more in self._requests(count):
            self._send(method, path, more)

    def _requests(self, count: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for _number in range(count):
            lot = self.random.random()
            if lot < 0.35 and self.forms:
                yield self._form()
            elif lot < 0.5:
                yield self._page("GET")
            elif lot < 0.6:
                yield self._page("POST")
            elif lot < 0.65 and self.links:
                yield "GET", self._bent_query(self._named(self.random.choice([*self.links]))), {}
            elif lot < 0.9:
                yield self._program("/api/")
            else:
                yield self._program("/scim/")

    def _look_around(self) -> None:
        for rule in self.pages:
            if "GET" in (rule.methods or ()):
                self._learn(self.client.get(self._path(rule, likely=1.0)))

    def _learn(self, answer: Any) -> None:
        if answer.mimetype != "text/html" or answer.status_code != 200:
            return
        parser = _Forms()
        parser.feed(answer.text)
        for one in parser.found:
            if one.action.startswith("/t/") and len(self.forms) < 5_000:
                self.forms.setdefault(self._nameless(one.action), one)
        for link in parser.links[:200]:
            if len(self.links) < 5_000:
                self.links.setdefault(self._nameless(link))

    @staticmethod
    def _nameless(path: str) -> str:
        """An address without the session it stands in."""
        return re.sub(r"^/t/[^/]+", "/t/{handle}", path)

    def _named(self, path: str) -> str:
        return path.replace("/t/{handle}", f"/t/{self.handle}", 1)

    def _send(self, method: str, path: str, more: dict[str, Any]) -> None:
        if self._known is None:
            self._known = dict(digest_of(self.database))
            self._version = self._at()
        answer = self.client.open(path, method=method, **more)
        what = f"seed {self.seed}: {method} {path[:300]!r} {str(more)[:600]}"
        assert answer.status_code < 500 or answer.status_code == AWAY, (answer.status_code, what, answer.text[:400])
        assert b"Traceback (most recent" not in answer.get_data(), what  # also of files
        self.statuses[answer.status_code] += 1
        if answer.status_code == 401 and self._ended():
            self.handle, self.token, self.people = self.enter()
            self._known = None
            return
        if method == "GET":
            self._learn(answer)
        if self._at() == self._version:
            return
        if answer.status_code >= 400 and answer.status_code != AWAY:
            now = dict(digest_of(self.database))
            touched = changed(self._known, now) - BESIDE
            if path.endswith("/approve"):  # what cannot be done any more counts as refused, and says why
                touched -= {"journal", "waiting_change"}
            assert not touched, (answer.status_code, touched, what)
            self._known, self._version = now, self._at()
        else:
            self._known = None

    def _ended(self) -> bool:
        """Whether a session or the token came to an end by what was sent."""
        asked = [self.client.get(f"/t/{one}/my/reports") for one in (self.handle, *self.people)]
        asked.append(self.client.get("/api/v1/certifications", headers={"Authorization": f"Bearer {self.token}"}))
        return any(one.status_code == 401 for one in asked)

    def _at(self) -> int:
        """A number that differs once anybody wrote: SQLite tells it a connection that stays open and writes nothing itself."""
        if self._watch is not None:
            return int(self._watch.execute("PRAGMA data_version").fetchone()[0])
        with self.database.read() as session:
            return int(session.execute(text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")).scalar_one())

    def close(self) -> None:
        """Give back what watches the database."""
        if self._watch is not None:
            self._watch.close()

    # --- what is sent

    def _value(self, likely: float = 0.6) -> str:
        lot = self.random.random()
        if lot < likely:
            return self.random.choice(WORDS + NUMBERS[:4])
        return self.random.choice(NUMBERS if lot < likely + 0.1 else STRINGS if lot > 0.97 else SHORT)

    def _path(self, rule: Rule, likely: float = 0.85) -> str:
        session = self.handle if self.random.random() < 0.8 or not self.people else self.random.choice(self.people)
        path = re.sub(r"<(?:[^<>:]*:)?([a-z_]+)>", lambda one: f"<{one[1]}>", rule.rule)
        for name in sorted(rule.arguments - set(rule.defaults or ())):
            if name == "handle":
                value = session
            elif isinstance(rule._converters[name], IntegerConverter):
                value = "1" if self.random.random() < likely else self.random.choice(NUMBERS)
            else:
                known = {"code": "FS", "person": "cid", "kind": "individual", "source": "registry" if "ources" in rule.rule or "scim" in rule.rule
                         else "learners", "name": "registry", "form": "csv", "part": "newly", "which": "1", "group": "volunteers",
                         "path": "Users", "assignment": "individual:ann", "action": "pause", "identity": "E1"}  # fmt: skip
                value = known.get(name, "1") if self.random.random() < likely else self._value()
            path = path.replace(f"<{name}>", quote(value.encode("utf-8", "replace"), safe=""))
        return path[:8_000]

    def _bent_query(self, path: str) -> str:
        names = ["q", "page", "sort", "columns", "state", "cursor", "limit", "as_of", "by", "type", "kind", "due.before", "organisation",
                 "search", "person", "back", "saved", "from"]  # fmt: skip
        pairs = [(self.random.choice(names), self._value(0.4)) for _one in range(self.random.randint(0, 3))]
        joined = urlencode([(name, value.encode("utf-8", "replace")) for name, value in pairs])
        return f"{path.partition('#')[0]}{'&' if '?' in path else '?'}{joined[:6_000]}"

    def _page(self, method: str) -> tuple[str, str, dict[str, Any]]:
        rule = self.random.choice([one for one in self.pages if method in (one.methods or ())])
        path = self._path(rule)
        if method == "GET":
            return method, self._bent_query(path), {"headers": self._headers()}
        pairs = [(self.random.choice(KEYS), self._value()) for _one in range(self.random.randint(0, 4))]
        return method, path, {"data": self._encoded(pairs), "headers": self._headers()}

    def _headers(self) -> dict[str, str]:
        found = {"X-Muster-Fragment": "1"} if self.random.random() < 0.3 else {}
        if self.random.random() < 0.1:
            found["Accept-Language"] = self.random.choice(["de", "ar", "xx-\x7f", "*;q=9", "en" * 400])
        return found

    def _form(self) -> tuple[str, str, dict[str, Any]]:
        address = self.random.choice([*self.forms])
        form, pairs = self.forms[address], []
        for name, value in form.fields:
            lot = self.random.random()
            if lot < 0.7:
                pairs.append((name, value))
            elif lot < 0.95:
                pairs.append((name, self._value(0.5)))
            if lot > 0.98:
                pairs.append((name, value))
        return "POST", self._named(address), {"data": self._encoded(pairs), "headers": self._headers()}

    @staticmethod
    def _encoded(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, value in pairs:
            found.setdefault(name, []).append(value.encode("utf-8", "replace").decode())
        return found

    def _program(self, begins: str) -> tuple[str, str, dict[str, Any]]:
        rule = self.random.choice([one for one in self.programs if one.rule.startswith(begins)])
        method = self.random.choice(sorted(one for one in rule.methods or () if one not in ("HEAD", "OPTIONS")))
        path = self._path(rule)
        if begins == "/scim/" and self.random.random() < 0.5:
            path = "/scim/v2/registry/" + self.random.choice(
                ["Users", "Groups", "Users/E1", "Schemas", "ServiceProviderConfig", "Bulk", "Users/.search"]
            )
        headers = {"Authorization": f"Bearer {self.token}"}
        if method == "GET":
            return method, self._bent_query(path), {"headers": headers}
        kind = "application/scim+json" if begins == "/scim/" else "application/json"
        lot, body = self.random.random(), json.dumps(self._document(0))
        if lot < 0.1:
            kind, body = self.random.choice(
                [("application/yaml", body), ("text/csv", "id,name\r\n1,2\r\n" + self._value()), ("", body)]
            )
        elif lot < 0.2:
            body = body[: self.random.randint(0, len(body))] + self._value(0.0)
        sent = body.encode("utf-8", "surrogatepass" if self.random.random() < 0.5 else "replace")
        return method, path, {"data": sent, "content_type": kind, "headers": headers}

    def _document(self, depth: int) -> Any:
        lot = self.random.random()
        if depth == 0 or (depth < 4 and lot < 0.3):
            return {self.random.choice(KEYS): self._document(depth + 1) for _one in range(self.random.randint(0, 5))}
        if depth < 4 and lot < 0.5:
            return [self._document(depth + 1) for _one in range(self.random.randint(0, 3))]
        plain: list[Any] = [None, True, False, 0, 1, -1, 2**63, 1e308, 1.5, [], {}]
        return self.random.choice(plain) if lot < 0.65 else self._value()
