"""The wall behind the application's own: PostgreSQL itself keeps one host's rows from work for another (decision 0094)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, ProgrammingError

from plugin.cli import main
from plugin.core.database import tenant
from plugin.core.database.bulk import insert_rows
from plugin.core.db import Database
from plugin.core.errors import RefusedByRule
from plugin.core.tables import Counter, Host, HostClock
from plugin.migrations.row_security import faults, put_up, take_down, wall_of, weakness_of
from plugin.mirror.tables import Person
from plugin.schema import metadata
from tests.conftest import KEYS, as_application, fresh_postgres, with_application

A, B = 1, 2
PLUGIN = Path(__file__).parents[2] / "plugin"


@pytest.fixture(autouse=True)
def nothing_told() -> None:
    tenant.leave()


@pytest.fixture(scope="module")
def address(postgres_url: str, postgres_model: str) -> Iterator[str]:
    """A database with the wall, as its owner; two hosts of one person each."""
    with fresh_postgres(postgres_url, postgres_model) as (_name, url):
        with_application(url)
        owner = Database(url)
        put_up(owner, as_application(url))
        with owner.write() as session:
            for number, name in ((A, "ours"), (B, "theirs")):
                session.add(Host(id=number, name=name, title=name, settings={}, state="active", created=1))
                session.add(HostClock(host_id=number, seq=0, as_of=1))
                session.add(Person(host_id=number, id=7, ext=name, name=name, state=1))
        owner.close()
        yield url


@pytest.fixture
def walled(address: str) -> Iterator[Database]:
    """The same as the application has it."""
    database = Database(as_application(address), row_security=True)
    yield database
    database.close()


@pytest.fixture
def owner(address: str) -> Iterator[Database]:
    database = Database(address)
    yield database
    database.close()


def test_every_table_of_hosts_rows_has_forced_policies(walled: Database) -> None:
    with walled.engine.connect() as connection:
        wall = wall_of(connection)
    assert wall.tables == sum("host_id" in table.columns for table in metadata.tables.values())
    assert wall.open == ()
    assert faults(walled) == []


def test_a_forgotten_condition_shows_no_row_of_another_host(walled: Database) -> None:
    for host, name in ((A, "ours"), (B, "theirs")):
        with tenant.inside(host), walled.read() as session:
            assert session.execute(text("SELECT ext FROM person")).all() == [(name,)]
            assert session.execute(text(f"SELECT ext FROM person WHERE host_id = {A + B - host}")).all() == []


@pytest.mark.parametrize("table", [one for one in metadata.sorted_tables if "host_id" in one.columns], ids=str)
def test_no_row_is_written_for_another_host(walled: Database, table: object) -> None:
    with tenant.inside(A), walled.write() as session:
        assert not session.execute(text(f'UPDATE "{table}" SET host_id = host_id WHERE host_id = {B}')).rowcount  # type: ignore[attr-defined]
        assert not session.execute(text(f'DELETE FROM "{table}" WHERE host_id = {B}')).rowcount  # type: ignore[attr-defined]
    # policies are asked before constraints, so that no other column need be right
    with pytest.raises(DBAPIError, match="row-level security"), tenant.inside(A), walled.write() as session:
        session.execute(text(f'INSERT INTO "{table}" (host_id) VALUES ({B})'))


def test_a_row_for_another_host_is_refused_by_every_way_of_writing(walled: Database) -> None:
    for work in (
        lambda session: session.add(Counter(host_id=B, name="x", value=1)),
        lambda session: insert_rows(session, Counter, {"host_id": B, "name": ["x", "y"], "value": [1, 2]}),
        lambda session: insert_rows(
            session, Counter, {"host_id": B, "name": [str(n) for n in range(3000)], "value": np.arange(3000)}
        ),
        lambda session: session.execute(text(f"UPDATE host_clock SET host_id = {B + 1}")),
    ):
        with (
            pytest.raises((DBAPIError, psycopg.Error), match="row-level security"),
            tenant.inside(A),
            walled.write() as session,
        ):
            work(session)  # type: ignore[no-untyped-call]


def test_work_that_names_no_host_reads_nothing_and_says_so(walled: Database) -> None:
    for _again in range(2):  # also on a connection that was somebody's before
        with pytest.raises(DBAPIError), walled.read() as session:
            session.execute(text("SELECT count(*) FROM person")).scalar()
        with tenant.inside(A), walled.read() as session:
            assert session.execute(text("SELECT count(*) FROM person")).scalar() == 1
    with walled.read() as session:
        assert session.execute(text("SELECT count(*) FROM host")).scalar() == 2


def test_what_spans_hosts_sees_all_for_one_transaction(walled: Database) -> None:
    with tenant.inside(A):
        with tenant.across("figures of all hosts"), walled.read() as session:
            assert session.execute(text("SELECT count(*) FROM person")).scalar() == 2
        with walled.read() as session:
            assert session.execute(text("SELECT count(*) FROM person")).scalar() == 1


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE person", "ALTER TABLE person DISABLE ROW LEVEL SECURITY", "ALTER TABLE person NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY muster_one_host ON person", "CREATE POLICY mine ON person USING (true)", "TRUNCATE person",
        "SET row_security = off; SELECT count(*) FROM person", "SET SESSION AUTHORIZATION postgres", "SET ROLE postgres",
        "ALTER ROLE CURRENT_USER BYPASSRLS", "CREATE TABLE mine (n int)",
    ],
)  # fmt: skip
def test_the_applications_role_cannot_take_the_wall_away(walled: Database, sql: str) -> None:
    for among in (tenant.inside(A), tenant.across("figures of all hosts")):
        with pytest.raises(ProgrammingError), among, walled.write() as session:
            session.execute(text(sql))


def test_row_security_switched_off_by_a_session_refuses_to_read(walled: Database) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"), tenant.inside(A), walled.read() as session:
        session.execute(text("SET LOCAL row_security = off"))
        session.execute(text("SELECT count(*) FROM person"))


def test_the_planner_compares_no_row_and_uses_the_same_index(walled: Database, owner: Database) -> None:
    def plan(database: Database) -> list[str]:
        sql = f"EXPLAIN (COSTS OFF) SELECT ext FROM person WHERE host_id = {A} AND id = 7"
        with tenant.inside(A), database.read() as session:
            session.execute(text("SET LOCAL enable_seqscan = off"))
            return [str(row[0]).replace("->", "").strip() for row in session.execute(text(sql)).all()]

    without, behind = plan(owner), plan(walled)
    assert behind[:2] == ["Result", "One-Time Filter: ((current_setting('muster.host'::text))::integer = 1)"]
    assert behind[2:] == without
    assert any("Index Cond" in line for line in without)


def test_many_rows_arrive_and_those_present_are_left(walled: Database) -> None:
    def rows(first: int, n: int, value: int) -> dict[str, object]:
        names = [f"many{one:06}" for one in range(first, first + n)]
        return {"host_id": A, "name": names, "value": np.full(n, value)}

    with tenant.inside(A), walled.write() as session:
        assert insert_rows(session, Counter, rows(0, 5_000, 1))
        assert insert_rows(session, Counter, rows(5_000, 5_000, 2))
        assert not insert_rows(session, Counter, rows(0, 20_000, 3), skip_present=True)
        assert not insert_rows(session, Counter, rows(0, 30, 4), skip_present=True)
        sql = "SELECT value, count(*) FROM counter WHERE name LIKE 'many%' GROUP BY value ORDER BY value"
        assert session.execute(text(sql)).all() == [(1, 5_000), (2, 5_000), (3, 10_000)]
        session.rollback()


def test_reasons_to_look_at_every_host_are_listed_and_each_is_used() -> None:
    given: set[str] = set()
    for file in PLUGIN.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in (
                "across",
                "enter_every",
            ):
                (why,) = node.args
                assert isinstance(why, ast.Constant), f"{file}:{node.lineno}: a reason is written out"
                given.add(str(why.value))
    assert given == tenant.ACROSS
    with pytest.raises(ValueError, match="no reason"), tenant.across("because I can"):
        pass


OPEN = {
    "frame.health.alive": "", "frame.health.ready": "", "hosts.moodle_plugin.tool": "", "launch.front_page.show": "",
    "launch.lti_routes.jwks": "", "launch.lti_routes.login": "", "launch.platform_registration.icon": "",
    "launch.setup_link.show": "", "launch.message_links.team": "",
    "frame.metrics.metrics": "across", "hosts.moodle_plugin.handed_over": "across", "launch.hooks.hook": "across",
    "launch.new_tab.confirm": "across", "launch.new_tab.enter": "across", "launch.platform_registration.start": "across",
    "launch.platform_registration.start_invited": "across", "launch.setup_link.again": "across",
    "launch.setup_link.use": "across",
    "launch.lti_routes.launch": "enter", "launch.lti_routes.proof": "enter", "mine.moodle_block.due": "enter",
    "mine.verifying.verify": "inside",
}  # fmt: skip
"""Pages that ask for no session, and how each comes to the rows it needs; nothing for those that read no host's rows."""


def test_every_page_without_a_session_says_whose_rows_it_reads() -> None:
    found = {
        f"{'.'.join(file.relative_to(PLUGIN / 'web').with_suffix('').parts)}.{node.name}"
        for file in (PLUGIN / "web").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and any(ast.unparse(one) == "rule(PUBLIC)" for one in node.decorator_list)
    }
    assert found == set(OPEN)


def test_a_new_table_is_walled_by_the_next_upgrade_and_the_setting_takes_all_down(
    owner: Database, address: str
) -> None:
    with owner.engine.begin() as connection:
        connection.execute(text("CREATE TABLE later (host_id integer NOT NULL)"))
        assert wall_of(connection).open == ("later",)
    assert put_up(owner, as_application(address)) == 1
    assert put_up(owner, as_application(address)) == 0
    with owner.engine.begin() as connection:
        assert wall_of(connection).open == ()
        connection.execute(text("DROP TABLE later"))
    walls = take_down(owner)
    with owner.engine.connect() as connection:
        assert len(wall_of(connection).open) == walls
    assert take_down(owner) == 0
    assert put_up(owner, as_application(address)) == walls


def test_a_role_that_could_take_the_wall_away_is_refused(owner: Database, address: str) -> None:
    with owner.engine.connect() as connection:
        assert "superuser" in weakness_of(connection, make_url(address).username or "")
        assert "no role" in weakness_of(connection, "nobody_at_all")
    with pytest.raises(RefusedByRule, match="superuser"):
        put_up(owner, address)
    unwary = "muster_inherits"
    with owner.engine.begin() as connection:
        connection.execute(text(f"DROP ROLE IF EXISTS {unwary}"))
        connection.execute(text(f"CREATE ROLE {unwary} LOGIN"))
        connection.execute(text(f"GRANT muster_every_host TO {unwary}"))
    with pytest.raises(RefusedByRule, match="inherits"):
        put_up(owner, make_url(address).set(username=unwary).render_as_string(hide_password=False))


def test_commands_run_as_the_owner_where_one_is_named(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """An empty database is made, backed up, and restored into another, by the application's own commands."""

    def run(*words: str) -> str:
        status = main(list(words))
        printed = capsys.readouterr()
        assert status == 0, printed.err
        return printed.out

    def at(url: str) -> None:
        monkeypatch.setenv("MUSTER_DATABASE_URL", as_application(url))
        monkeypatch.setenv("MUSTER_MIGRATION_DATABASE_URL", url)

    monkeypatch.setenv("MUSTER_ENV", "development")
    monkeypatch.setenv("MUSTER_SECRET_KEYS", KEYS)
    monkeypatch.setenv("MUSTER_ROW_SECURITY", "true")
    file = str(tmp_path / "one.backup")
    with fresh_postgres(postgres_url) as (_one, first), fresh_postgres(postgres_url) as (_two, second):
        with_application(first)
        at(first)
        assert "more tables" in run("db", "upgrade")
        assert "more tables" not in run("db", "upgrade")
        options = ("issuer=https://s.test", "client-id=c", "deployment=d", "auth-url=https://s.test/a", "token-url=https://s.test/t", "jwks-url=https://s.test/k")  # fmt: skip
        run("host", "add", "acme", *[f"--{one}" for one in options])
        assert "acme" in run("host", "list")
        assert "no row security" not in run("doctor")
        run("backup", file)
        at(second)
        run("restore", file)
        assert "acme" in run("host", "list")
        database = Database(as_application(second), row_security=True)
        assert faults(database) == []
        database.close()
        monkeypatch.setenv("MUSTER_ROW_SECURITY", "false")
        assert "off for" in run("db", "upgrade")
        assert "row security is off" not in run("doctor")  # there is one host
        run("host", "add", "other", *[f"--{one}".replace("client-id=c", "client-id=d") for one in options])
        said = run("doctor")
        assert "2 hosts are kept apart by Muster alone: row security is off. MUSTER_ROW_SECURITY=true" in said


def test_without_an_owner_tables_are_not_changed(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MUSTER_ENV", "development")
    monkeypatch.setenv("MUSTER_SECRET_KEYS", KEYS)
    monkeypatch.setenv("MUSTER_ROW_SECURITY", "true")
    monkeypatch.setenv("MUSTER_DATABASE_URL", as_application(address))
    assert main(["db", "upgrade"]) == 2
    assert "MUSTER_MIGRATION_DATABASE_URL" in capsys.readouterr().err


@pytest.mark.parametrize("as_owner", [True, False])
def test_in_production_a_role_that_owns_tables_does_not_serve(
    address: str, as_owner: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MUSTER_ENV", "production")
    monkeypatch.setenv("MUSTER_BASE_URL", "https://muster.test")
    monkeypatch.setenv("MUSTER_SECRET_KEYS", "4c8e-a-key-of-this-test-b71d")
    monkeypatch.setenv("MUSTER_MIGRATION_DATABASE_URL", address)
    monkeypatch.setenv("MUSTER_DATABASE_URL", address if as_owner else as_application(address))
    main(["work", "--once"])
    said = capsys.readouterr().err
    assert ("is a superuser" in said and "MUSTER_ROW_SECURITY=false" in said) is as_owner


def test_the_tenant_told_is_the_blocks_own() -> None:
    with tenant.inside(A):
        with tenant.restored():
            tenant.enter(B)
            assert tenant.current_tenant() == str(B)
        assert tenant.current_tenant() == str(A)
    assert tenant.current_tenant() is None
