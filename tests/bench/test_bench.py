"""The bench itself runs and says of each operation whether its goal was met."""

from __future__ import annotations

from pathlib import Path

from config.settings import Settings
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from plugin.schema import metadata
from tests.bench import administrators
from tests.bench.__main__ import GOALS, NOW, Bench


def test_every_operation_gives_a_figure(settings: Settings, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/bench.sqlite3")
    metadata.create_all(database.engine)
    figures = list(Bench(Runtime(settings, database, Clock(NOW)), 200).run())
    database.close()
    assert {one.operation for one in figures} == set(GOALS) | {"memory_settle"}
    assert all(one.learners == 200 and one.product_ms > 0 and one.floor_ms > 0 for one in figures)


def test_administrators_walk_pages_that_are_there(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bench.sqlite3"
    handles = administrators.prepare(url, 100, 2, 3)
    with administrators.served(url, tmp_path / "web.log") as port:
        found = administrators.walk(port, handles, 2, 2.0, 0.05)
        statuses = {
            path: administrators.ask(port, f"/t/{handles[0]}" + path.format(n=1)) for path in administrators.WALK
        }
    assert statuses == dict.fromkeys(administrators.WALK, 200)
    assert (found.errors, bool(found.tab)) == (0, True)
