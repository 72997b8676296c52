"""The HR page of the sandbox: its files are read by sources, and its directory pushes like Entra and like Okta."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from plugin.hosts.csv.archives import unpack
from plugin.hosts.csv.mapping import FileMapping
from plugin.hosts.csv.reading import read
from plugin.sandbox.hr import STYLES, _Directory
from plugin.sandbox.hr_files import FORMATS, STORIES, staff, written
from plugin.sandbox.seed import seed
from plugin.sandbox.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """120 people in 20 units."""
    made = Store(tmp_path_factory.mktemp("hr") / "sandbox.sqlite3")
    with Flask("hr").app_context():
        seed(made, 120, 20, 7)
        yield made


@pytest.mark.parametrize("form", FORMATS)
def test_every_file_is_read(store: Store, form: str) -> None:
    everybody = {one["number"]: one for one in staff(store)}
    for story in STORIES:
        data, name, _media = written(store, form, story)
        (file,) = unpack(name, data)
        reading = read(file, FileMapping(separator="/"), "id")
        assert reading.refused == []
        assert len(reading.table.others) == 1  # salaries have no business here
        rows = {row.get("id"): row for row in reading.rows}
        if story == "half":
            assert len(rows) == (len(everybody) + 1) // 2
        elif story == "zeros":
            assert len(rows) == len(everybody)
            assert all("EMP0" not in one for one in rows)
        else:
            assert rows.keys() == everybody.keys()
            changed = [one for one, row in rows.items() if row.get("organisation") != everybody[one]["unit"]]
            assert len(changed) == (40 if story == "moved" else 0)
            assert all(row.get("start") == everybody[one]["start"] for one, row in rows.items())
            assert all(row.active == everybody[one]["active"] for one, row in rows.items())


class _Calls(BaseAdapter):
    """Answers requests as a directory's receiver would, and keeps them."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[PreparedRequest] = []

    def send(self, request: PreparedRequest, **_how: Any) -> Response:
        self.sent.append(request)
        answer = Response()
        answer.status_code, answer._content = 200, b'{"Resources": [], "id": "7"}'
        return answer

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("style", STYLES)
def test_the_directory_asks_before_it_writes(store: Store, style: str) -> None:
    calls = _Calls()
    directory = _Directory("http://muster/scim/v2/dir", "t", okta=style == "okta")
    directory._http.mount("http://muster", calls)
    directory.do("push", staff(store)[:2])
    assert [one.method for one in calls.sent] == ["GET", "POST", "GET", "POST", "GET", "GET"]
    assert all(one.headers["Authorization"] == "Bearer t" for one in calls.sent)
    assert ("startIndex" in str(calls.sent[0].url)) == (style == "okta")
    pushed = json.loads(calls.sent[1].body or b"")
    assert pushed["userName"] == "user00001"
    assert ("meta" in pushed) == (style == "entra")
