"""Connecting a learning site by pages, from an empty database, against a sandbox on a real socket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from sqlalchemy import func, select

from config.settings import Settings
from plugin.access.setup_links import new_setup_link
from plugin.app import create_app
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from plugin.core.tables import Host, Journal
from plugin.lti.errors import LtiRejected
from plugin.mirror.connections.store import connection_of
from plugin.web.launch.session import Launch, open_session
from tests.live import Sandbox, serve_sandbox
from tests.web.conftest import Visitor
from tests.web.launch.test_door import fields_of, launch

BASE = "http://localhost:8000"


@pytest.fixture
def empty(settings: Settings, empty_sqlite: Database) -> Iterator[tuple[Flask, Runtime]]:
    """Muster with nothing in it."""
    database = empty_sqlite
    runtime = Runtime(settings, database, Clock())
    yield create_app(runtime), runtime
    database.close()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with serve_sandbox(tmp_path / "sandbox", muster=BASE) as found:
        yield found


def setup(app: Flask, runtime: Runtime) -> Visitor:
    """Whoever opened a setup link."""
    client = app.test_client()
    opened = client.post(new_setup_link(runtime).removeprefix(BASE), base_url=BASE)
    return Visitor(client, re.match(r"/t/([^/]+)/hosts", opened.location)[1])  # type: ignore[index]


def administrator(app: Flask, runtime: Runtime, host: int) -> Visitor:
    with runtime.db.write() as session:
        visitor = Launch(host, None, "sam", "Sam", is_administrator=True, purpose="launch")
        handle, _secret = open_session(session, runtime, visitor)
    return Visitor(app.test_client(), handle)


def by_hand(sandbox: Sandbox, **changes: str) -> dict[str, str]:
    names = ("issuer", "client_id", "deployment", "auth_url", "token_url", "jwks_url")
    return {**{name: sandbox.connection[name] for name in names}, "name": "acme", **changes}


def connect_by_hand(visitor: Visitor, sandbox: Sandbox, **changes: str) -> str:
    answer = visitor.post("/hosts/new/webhook", by_hand(sandbox, **changes))
    assert answer.status_code == 303, answer.text
    return str(re.search(r"/hosts/\d+", answer.location)[0])  # type: ignore[index]


def configure(visitor: Visitor, path: str, sandbox: Sandbox, **changes: str) -> Any:
    fields = {"kind": "webhook", "title": "Acme", "time_zone": "Europe/London", "api_url": sandbox.connection["api_url"],
              "api_token": sandbox.connection["api_token"], "webhook_url": sandbox.connection["webhook_url"],
              "webhook_secret": sandbox.connection["webhook_secret"], **changes}  # fmt: skip
    return visitor.post(f"{path}/configuration", fields)


def register(app: Flask, sandbox: Sandbox, path: str = "/lti/register") -> Any:
    opened = requests.get(f"{sandbox.base}/lti/register-tool", timeout=5, allow_redirects=False)
    assert opened.headers["Location"].startswith(f"{BASE}/lti/register?")
    return app.test_client().get(opened.headers["Location"].replace(f"{BASE}/lti/register", path), base_url=BASE)


def test_from_nothing_to_the_first_launch_by_hand(empty: Any, sandbox: Sandbox) -> None:
    app, runtime = empty
    visitor = setup(app, runtime)
    assert "No hosts yet" in visitor.page("/hosts")
    assert "generic host API" in visitor.page("/hosts/new")
    page = visitor.page("/hosts/new/webhook")
    for path in ("/lti/launch", "/lti/login", "/lti/jwks", "/lti/register"):
        assert f'value="{BASE}{path}"' in page
    path = connect_by_hand(visitor, sandbox)
    assert configure(visitor, path, sandbox).location.endswith(f"{path}/test?saved=1")
    assert "Saved." in visitor.page(f"{path}/test?saved=1")
    checked = visitor.post(f"{path}/test").text
    assert "accepts the token" in checked
    assert "A signed webhook is accepted" in checked
    assert "The host gives 120 people" in checked
    assert visitor.post(f"{path}/sync", {"full": "1"}).status_code == 303
    listed = visitor.page("/hosts")
    assert "just now" in listed
    assert ">120<" in listed
    _client, arrived = launch(app, sandbox, "administrator", "U-1")
    assert arrived.request.path.endswith("/home")
    assert "Muster was opened from this learning site" in visitor.post(f"{path}/test").text


def test_from_nothing_to_the_first_launch_by_dynamic_registration(empty: Any, sandbox: Sandbox) -> None:
    app, runtime = empty
    answer = register(app, sandbox)
    assert answer.status_code == 200
    assert "waits for approval" in answer.text
    assert "frame-ancestors *" in answer.headers["Content-Security-Policy"]
    begun = fields_of(
        requests.get(f"{sandbox.base}/lti/start", params={"role": "administrator", "person": "U-1"}, timeout=5).text
    )
    assert begun["client_id"] != sandbox.connection["client_id"]
    refused = app.test_client().post("/lti/login", base_url=BASE, data=begun)
    assert refused.status_code == 403
    assert "nobody has approved" in refused.text
    visitor = setup(app, runtime)
    listed = visitor.page("/hosts")
    assert "Waits for approval" in listed
    number = re.search(r"/hosts/(\d+)/approve", listed)[1]  # type: ignore[index]
    assert visitor.get(f"/hosts/{number}/configuration").status_code == 404
    client = unescape(re.search(r'name="client" value="([^"]+)"', listed)[1])  # type: ignore[index]
    assert visitor.post(f"/hosts/{number}/approve", {"client": "another"}).status_code == 404
    approved = visitor.post(f"/hosts/{number}/approve", {"client": client})
    assert approved.location.endswith(f"/hosts/{number}/configuration")
    configure(visitor, f"/hosts/{number}", sandbox)
    assert visitor.post(f"/hosts/{number}/sync").status_code == 303
    _client, arrived = launch(app, sandbox, "administrator", "U-1")
    assert arrived.request.path.endswith("/home")


def test_an_administrator_of_a_host_has_no_say_about_any_other(empty: Any, sandbox: Sandbox) -> None:
    app, runtime = empty
    connect_by_hand(setup(app, runtime), sandbox, issuer="https://first.test", client_id="one", name="first")
    register(app, sandbox)
    with runtime.db.read() as session:
        client = session.get_one(Host, 2).client_id
    visitor = administrator(app, runtime, 1)
    listed = visitor.page("/hosts")
    assert sandbox.base not in listed
    assert str(client) not in listed
    for act in ("approve", "refuse"):
        assert visitor.post(f"/hosts/2/{act}", {"client": client}).status_code == 403
    for path in ("configuration", "registration", "test", "mapping"):
        assert visitor.get(f"/hosts/2/{path}").status_code == 404
        assert visitor.post(f"/hosts/2/{path}", {"kind": "webhook"}).status_code == 404
    for act in ("secret", "sync"):
        assert visitor.post(f"/hosts/2/{act}").status_code == 404
    assert visitor.post("/hosts/2/deployments", {"deployment": "x", "approve": "1"}).status_code == 404
    assert visitor.post("/hosts/1/state", {"close": "1"}).status_code == 403
    assert visitor.get("/hosts/new").status_code == 403
    assert visitor.post("/hosts/new/webhook", by_hand(sandbox, client_id="squat", name="squat")).status_code == 403
    with runtime.db.read() as session:
        assert session.get_one(Host, 2).state == "pending"
        assert session.scalar(select(func.count()).select_from(Host)) == 2


@pytest.mark.parametrize("maker", ["operator", "same platform", "another platform"])
def test_a_registration_by_an_address_of_ours_need_not_wait(empty: Any, sandbox: Sandbox, maker: str) -> None:
    app, runtime = empty
    issuer = sandbox.base if maker == "same platform" else "https://first.test"
    connect_by_hand(setup(app, runtime), sandbox, issuer=issuer, client_id="one", name="first")
    visitor = setup(app, runtime) if maker == "operator" else administrator(app, runtime, 1)
    page = visitor.post("/hosts/registration-address")
    assert page.status_code == 201
    path = re.search(r"http://localhost:8000(/lti/register/[\w-]+)", page.text)[1]  # type: ignore[index]
    answer = register(app, sandbox, path)
    with runtime.db.read() as session:
        assert session.get_one(Host, 2).state == ("pending" if maker == "another platform" else "active")
    assert ("waits for approval" in answer.text) == (maker == "another platform")
    assert register(app, sandbox, path).status_code == 400  # once


def test_every_page_that_an_operator_is_offered_opens_and_none_is_about_learners(empty: Any, sandbox: Sandbox) -> None:
    app, runtime = empty
    operator = setup(app, runtime)
    path = connect_by_hand(operator, sandbox)
    offered = set(re.findall(rf'href="/t/[^/"]+({path}/[a-z-]+)"', operator.page(f"{path}/configuration")))
    assert offered == {f"{path}/{one}" for one in ("configuration", "registration", "mapping", "test")}
    assert [operator.get(one).status_code for one in sorted(offered)] == [200] * 4
    assert operator.get(f"{path}/data-problems").status_code == 403  # names and ids of people stand there
    assert administrator(app, runtime, 1).get(f"{path}/data-problems").status_code == 200


def test_a_learner_sees_no_hosts(empty: Any, sandbox: Sandbox) -> None:
    app, runtime = empty
    connect_by_hand(setup(app, runtime), sandbox)
    with runtime.db.write() as session:
        learner = Launch(1, 1, "ann", "Ann", is_administrator=False, purpose="launch")
        handle, _secret = open_session(session, runtime, learner)
    visitor = Visitor(app.test_client(), handle)
    for path in ("", "/new", "/new/webhook", "/1/configuration", "/1/registration", "/1/test", "/1/mapping"):
        assert visitor.get(f"/hosts{path}").status_code == 403


@pytest.mark.parametrize(
    "changes",
    [{"issuer": ""}, {"client_id": ""}, {"issuer": "acme"}, {"auth_url": "javascript:alert(1)"}, {"jwks_url": ""},
     {"token_url": "http://u:p@x/"}, {"issuer": "https://a b"}, {"name": "No Good"}, {"client_id": "x" * 256}],
)  # fmt: skip
def test_a_wrong_entry_is_refused_in_a_sentence_and_kept_in_the_form(
    empty: Any, sandbox: Sandbox, changes: dict[str, str]
) -> None:
    app, runtime = empty
    visitor = setup(app, runtime)
    answer = visitor.post("/hosts/new/webhook", by_hand(sandbox, **changes))
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert f'value="{sandbox.connection["deployment"]}"' in answer.text
    with runtime.db.read() as session:
        assert session.scalars(select(Host)).all() == []


def test_a_secret_is_written_and_never_shown(empty: Any, sandbox: Sandbox) -> None:
    app, runtime = empty
    visitor = setup(app, runtime)
    path = connect_by_hand(visitor, sandbox)
    configure(visitor, path, sandbox)
    page = visitor.page(f"{path}/configuration")
    for secret in (sandbox.connection["api_token"], sandbox.connection["webhook_secret"]):
        assert secret not in page
    configure(visitor, path, sandbox, api_token="", webhook_secret="", title="Acme again")
    with runtime.db.read() as session:
        row = connection_of(session, 1)
        assert row.api_token == sandbox.connection["api_token"]
        assert row.webhook_secret == sandbox.connection["webhook_secret"]
    configure(visitor, path, sandbox, api_token="", forget_api_token="1", webhook_secret="")
    with runtime.db.read() as session:
        assert connection_of(session, 1).api_token is None
        assert sandbox.connection["api_token"] not in str([row.data for row in session.scalars(select(Journal))])


def test_a_stored_token_is_not_sent_to_another_address(empty: Any, sandbox: Sandbox) -> None:
    app, runtime = empty
    visitor = setup(app, runtime)
    path = connect_by_hand(visitor, sandbox)
    configure(visitor, path, sandbox)
    answer = configure(visitor, path, sandbox, api_token="", api_url="http://127.0.0.1:1/api")
    assert answer.status_code == 400
    assert "Enter the token again" in answer.text
    with runtime.db.read() as session:
        assert connection_of(session, 1).api_url == sandbox.connection["api_url"]


@pytest.mark.parametrize(
    "changes",
    [{"kind": "nothing"}, {"api_url": "ftp://x/"}, {"webhook_url": "x"}, {"webhook_secret": "plain"},
     {"time_zone": "Mars/Olympus"}, {"api_url": "https://lms.test/" + "x" * 1001}],
)  # fmt: skip
def test_a_wrong_setting_changes_nothing(empty: Any, sandbox: Sandbox, changes: dict[str, str]) -> None:
    app, runtime = empty
    visitor = setup(app, runtime)
    path = connect_by_hand(visitor, sandbox)
    answer = configure(visitor, path, sandbox, **changes)
    assert answer.status_code in (400, 404)
    assert sandbox.connection["api_token"] not in answer.text
    with runtime.db.read() as session:
        assert connection_of(session, 1).api_url == ""


def test_a_webhook_secret_made_here_is_shown_once_and_rotates(empty: Any, sandbox: Sandbox) -> None:
    app, runtime = empty
    visitor = setup(app, runtime)
    path = connect_by_hand(visitor, sandbox)
    shown = [re.search(r'value="(whsec_[^"]+)"', unescape(visitor.post(f"{path}/secret").text))[1] for _ in range(2)]  # type: ignore[index]
    assert "whsec_" not in visitor.page(f"{path}/configuration").replace("begins with whsec_", "")
    with runtime.db.read() as session:
        assert connection_of(session, 1).webhook_secret == f"{shown[1]},{shown[0]}"
    assert "Forget the older secret" in visitor.page(f"{path}/configuration")
    visitor.post(f"{path}/secret", {"forget": "1"})
    with runtime.db.read() as session:
        assert connection_of(session, 1).webhook_secret == shown[1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"api_token": "wrong"}, "The token is not valid."), ({"webhook_secret": "whsec_d3Jvbmc="}, "The signature does not fit."),
     ({"api_url": "http://127.0.0.1:1/api"}, "Connection refused."), ({"webhook_url": "http://127.0.0.1:1/w"}, "Connection refused."),
     ({"webhook_url": ""}, "No webhook address is set"), ({"api_url": ""}, "No API address is set")],
)  # fmt: skip
def test_the_checklist_names_the_piece_that_does_not_work_and_the_fix(
    empty: Any, sandbox: Sandbox, changes: dict[str, str], said: str
) -> None:
    app, runtime = empty
    visitor = setup(app, runtime)
    path = connect_by_hand(visitor, sandbox)
    configure(visitor, path, sandbox, **changes)
    page = unescape(visitor.post(f"{path}/test").text)
    assert said in page
    assert re.search(rf"{re.escape(said)}[^<]* ?<span class=\"under\">[A-Z][^<]+\.", page)


def test_a_site_that_answers_html_is_named_so(empty: Any, sandbox: Sandbox) -> None:
    app, runtime = empty
    visitor = setup(app, runtime)
    path = connect_by_hand(visitor, sandbox)
    configure(visitor, path, sandbox)
    sandbox.act("mood", mood="html")
    assert "something that is not JSON" in visitor.post(f"{path}/test").text
    assert "something that is not JSON" in visitor.post(f"{path}/mapping", {"join": "id"}).text


def test_a_mapping_is_tried_on_people_before_it_is_saved(empty: Any, sandbox: Sandbox) -> None:
    app, runtime = empty
    visitor = setup(app, runtime)
    path = connect_by_hand(visitor, sandbox)
    configure(visitor, path, sandbox)
    assert "Save this mapping" not in visitor.page(f"{path}/mapping")
    tried = visitor.post(f"{path}/mapping", {"join": "username"}).text
    assert "What becomes of 50 people" in tried
    assert "Nothing is saved yet" in tried
    assert "0%" in tried
    assert "Save this mapping" in tried
    name = str(sandbox.get("person/U-1")["name"])
    assert (name in tried, "Person 1" in tried) == (False, True)  # an operator does not learn who is there
    kim = administrator(app, runtime, 1)
    assert name in kim.post(f"{path}/mapping", {"join": "username"}).text
    with runtime.db.read() as session:
        assert connection_of(session, 1).mapping == {}
    assert visitor.post(f"{path}/mapping", {"join": "username", "save": "1"}).status_code == 303
    with runtime.db.read() as session:
        assert connection_of(session, 1).mapping == {"join": "username"}
    later = visitor.post(f"{path}/mapping", {"join": "email"}).text
    assert "something changes for 50 of them" in later
    assert visitor.post(f"{path}/mapping", {"join": "shoe size"}).status_code == 400


def test_a_registration_is_corrected_and_its_issuer_stays(empty: Any, sandbox: Sandbox) -> None:
    app, runtime = empty
    visitor = setup(app, runtime)
    path = connect_by_hand(visitor, sandbox, jwks_url="http://127.0.0.1:1/keys")
    checked = unescape(visitor.post(f"{path}/test").text)
    assert "The key set at http://127.0.0.1:1/keys cannot be read" in checked
    good = {name: sandbox.connection[name] for name in ("auth_url", "token_url", "jwks_url")}
    assert visitor.post(f"{path}/registration", {**good, "jwks_url": "nowhere"}).status_code == 400
    answer = visitor.post(f"{path}/registration", {**good, "issuer": "https://evil.test", "client_id": "other"})
    assert answer.status_code == 303
    with runtime.db.read() as session:
        host = session.get_one(Host, 1)
        assert (host.issuer, host.client_id) == (sandbox.connection["issuer"], sandbox.connection["client_id"])
        assert host.jwks_url == sandbox.connection["jwks_url"]
    _client, arrived = launch(app, sandbox, "administrator", "U-1")
    assert arrived.request.path.endswith("/home")


def test_a_launch_of_another_deployment_waits_until_it_is_let_in(empty: Any, sandbox: Sandbox) -> None:
    app, runtime = empty
    visitor = setup(app, runtime)
    path = connect_by_hand(visitor, sandbox, deployment="another")
    begun = fields_of(
        requests.get(f"{sandbox.base}/lti/start", params={"role": "administrator", "person": "U-1"}, timeout=5).text
    )
    client = app.test_client()
    sent = client.post("/lti/login", base_url=BASE, data=begun)
    refused = client.post(
        "/lti/launch", base_url=BASE, data=fields_of(requests.get(sent.headers["Location"], timeout=5).text)
    )
    assert refused.status_code == 403
    assert "not let into this part" in refused.text
    assert "which is not approved" in visitor.page("/hosts")
    named = {"deployment": sandbox.connection["deployment"], "approve": "1"}
    assert visitor.post(f"{path}/deployments", named).status_code == 303
    assert visitor.post(f"{path}/deployments", named).status_code == 404
    _client, arrived = launch(app, sandbox, "administrator", "U-1")
    assert arrived.request.path.endswith("/home")


def test_a_host_closed_off_lets_nobody_in_until_it_is_let_in_again(empty: Any, sandbox: Sandbox) -> None:
    app, runtime = empty
    visitor = setup(app, runtime)
    path = connect_by_hand(visitor, sandbox)
    inside = administrator(app, runtime, 1)
    assert inside.post(f"{path}/state", {"close": "1"}).status_code == 403
    visitor.post(f"{path}/state", {"close": "1"})
    assert "Closed off" in visitor.page("/hosts")
    assert inside.get("/hosts").status_code == 401
    begun = fields_of(requests.get(f"{sandbox.base}/lti/start", params={"person": "U-1"}, timeout=5).text)
    assert app.test_client().post("/lti/login", base_url=BASE, data=begun).status_code == 403
    visitor.post(f"{path}/state")
    assert inside.get("/hosts").status_code == 200


def test_a_launch_teaches_a_site_without_an_api_its_course(empty: Any, sandbox: Sandbox) -> None:
    app, runtime = empty
    visitor = setup(app, runtime)
    path = connect_by_hand(visitor, sandbox)
    configure(visitor, path, sandbox)
    assert (
        visitor.post(f"{path}/configuration", {"kind": "nrps", "title": "Acme", "time_zone": "UTC"}).status_code == 303
    )
    assert "Nothing to map" in visitor.page(f"{path}/mapping")
    assert "No course is known yet" in visitor.post(f"{path}/test").text
    launch(app, sandbox, "administrator", "U-1")
    with runtime.db.read() as session:
        assert list(connection_of(session, 1).settings["contexts"]) == ["c1"]


MOODLE = {"issuer": "http://127.0.0.1:1/", "client_id": "abc", "deployment": "1"}


def test_of_a_moodle_only_its_address_and_client_are_needed(empty: Any) -> None:
    app, runtime = empty
    visitor = setup(app, runtime)
    page = visitor.page("/hosts/new/moodle")
    assert "Add LTI Advantage" in page
    assert "HTTP security" in page
    answer = visitor.post("/hosts/new/moodle", MOODLE)
    path = re.search(r"/hosts/\d+", answer.location)[0]  # type: ignore[index]
    with runtime.db.read() as session:
        host = session.get_one(Host, 1)
        assert (host.issuer, host.auth_url) == ("http://127.0.0.1:1", "http://127.0.0.1:1/mod/lti/auth.php")
        assert host.token_url == "http://127.0.0.1:1/mod/lti/token.php"
        assert host.jwks_url == "http://127.0.0.1:1/mod/lti/certs.php"
        assert connection_of(session, 1).kind == "moodle"
    fields = {"kind": "moodle", "title": "Moodle", "time_zone": "UTC", "api_url": "http://127.0.0.1:1", "api_token": "t",
              "hooks_secret": "a-token-of-a-plugin", "setting-role": "7", "setting-parallel": "2"}  # fmt: skip
    for wrong in ({"setting-role": "five"}, {"setting-parallel": "99"}, {"hooks_secret": "short"}):
        assert visitor.post(f"{path}/configuration", {**fields, **wrong}).status_code == 400
    assert visitor.post(f"{path}/configuration", fields).status_code == 303
    with runtime.db.read() as session:
        row = connection_of(session, 1)
        assert (row.settings["role"], row.settings["parallel"]) == (7, 2)
    assert 'value="7"' in visitor.page(f"{path}/configuration")
    checked = unescape(visitor.post(f"{path}/test").text)
    assert "HTTP security" in checked
    assert "Does not work" in checked
    assert 'name="organisation"' in visitor.page(f"{path}/mapping")
    assert visitor.post(f"{path}/mapping", {"organisation": "nothing"}).status_code == 400
    assert visitor.post(f"{path}/mapping", {"organisation": "department"}).status_code == 503


def test_a_setup_link_ends(empty: Any) -> None:
    app, runtime = empty
    link = new_setup_link(runtime).removeprefix(BASE)
    with runtime.db.write() as session:
        from plugin.core.tables import OnceLink

        for row in session.scalars(select(OnceLink)):
            row.expires = runtime.clock.true() - 1
    assert app.test_client().get(link, base_url=BASE).status_code == 401
    assert app.test_client().post(link, base_url=BASE).status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?openid_configuration=",
        "?openid_configuration=http://127.0.0.1:1/c",
        "?openid_configuration=a&openid_configuration=b",
    ],
)
def test_a_registration_that_cannot_be_is_a_sentence(empty: Any, query: str) -> None:
    app, _runtime = empty
    answer = app.test_client().get(f"/lti/register{query}", base_url=BASE)
    assert answer.status_code in (400, 502)
    assert "Muster could not be registered" in answer.text


def test_slow_addresses_hold_up_only_a_few_registrations(empty: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    app, _runtime = empty
    let_go, inside = threading.Event(), threading.Semaphore(0)

    def slow(*_arguments: object, **_named: object) -> None:
        inside.release()
        let_go.wait(10)
        raise LtiRejected("slow", "Too slow.", 502)

    monkeypatch.setattr("plugin.web.launch.platform_registration.register", slow)
    ask = "/lti/register?openid_configuration=http://127.0.0.1:1/c"
    threads = [threading.Thread(target=lambda: app.test_client().get(ask, base_url=BASE)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _thread in threads:
        assert inside.acquire(timeout=10)
    assert app.test_client().get(ask, base_url=BASE).status_code == 503
    let_go.set()
    for thread in threads:
        thread.join(10)
    assert app.test_client().get(ask, base_url=BASE).status_code == 502


def test_looking_whether_the_page_is_there_registers_nothing(empty: Any, sandbox: Sandbox) -> None:
    app, runtime = empty
    opened = requests.get(f"{sandbox.base}/lti/register-tool", timeout=5, allow_redirects=False)
    address = opened.headers["Location"].removeprefix(BASE)
    assert app.test_client().head(address, base_url=BASE).status_code == 200
    with runtime.db.read() as session:
        assert session.scalars(select(Host)).all() == []
    assert app.test_client().get(address, base_url=BASE).status_code == 200
