"""A file of changes means only what it says: what it has no column for stays as it was."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from plugin.core.runtime import Runtime
from plugin.enrolment.doctor import examine
from plugin.enrolment.settling.tick import tick
from plugin.enrolment.sourcing import changes, loads
from plugin.mirror.sources.managing import setup
from plugin.mirror.sources.managing.time_changes import turn
from plugin.mirror.sources.tables import Identity
from plugin.mirror.tables import Audience, AudienceMember, Person, Unit
from tests.enrolment.test_settle import active_in
from tests.world import HOST, World, row

HEAD = "action,id,first_name,email,organisation,manager,active,grade\n"


@pytest.fixture
def world(runtime: Runtime) -> World:
    """Ten people of Claims by a source that sends changes, and a certification for them."""
    made = World(runtime)
    for n in range(12):
        made.people(f"p{n}", number=f"{n:03}")
    mapping = {"mode": "changes", "keep": ["grade"]}
    with runtime.db.write() as session:
        setup.add_source(session, HOST, "hr", "csv", join_by="id=number", mapping=mapping, at=made.now, who="t")
    for kind in ("organisation", "managers"):
        changes.supply(runtime, HOST, kind, ["hr"], yes=True, who="t")
    load(made, HEAD + "".join(f"add,{n:03},Ann,a@b.c,Claims,000,yes,G7\n" for n in range(10)))
    made.save("fs", row("organisation", "hr:Claims"))
    made.save("gs", row("manager", "hr:000", "direct"))
    made.settle()
    assert (len(active_in(made, "fs")), len(active_in(made, "gs"))) == (10, 9)
    return made


def load(world: World, text: str, name: str = "people.csv") -> dict[str, Any]:
    done = loads.load(world.runtime, HOST, "hr", [(name, text.encode())], yes=True, who="t").document
    world.settle()
    return done


def said(world: World, ext: str) -> dict[str, Any]:
    with world.runtime.db.read() as session:
        return dict(session.scalars(select(Identity.said).where(Identity.ext == ext)).one())


def test_columns_that_a_file_of_changes_has_not_stay_as_they_were(world: World) -> None:
    before = said(world, "003")
    load(world, "action,id,email\nupdate,003,new@b.c\n")
    assert said(world, "003") == {**before, "email": "new@b.c"}
    assert "p3" in active_in(world, "fs") & active_in(world, "gs")
    load(world, "action,id,organisation,active\nupdate,003,Legal,no\nupdate,004,,yes\n")
    assert said(world, "003")["jobs"] == {"": [{"organisation": "Legal", "manager": "000"}]}
    load(world, "action,id,grade\nupdate,003,\n")
    assert (said(world, "003")["active"], "fields" in said(world, "003")) == (False, False)
    assert said(world, "003")["jobs"] == {"": [{"organisation": "Legal", "manager": "000"}]}
    assert active_in(world, "fs") == {f"p{n}" for n in range(10) if n not in (3, 4)}
    assert examine(world.runtime, deep=True) == []


def test_whoever_is_added_again_is_what_the_row_says(world: World) -> None:
    load(world, "action,id\nremove,003\n")
    assert "p3" not in active_in(world, "fs")
    load(world, "action,id,manager\nadd,003,000\n")
    assert said(world, "003")["jobs"] == {"": [{"manager": "000"}]}
    assert "p3" not in active_in(world, "fs")


def test_a_change_without_a_column_for_jobs_is_of_the_only_job_there_is(world: World) -> None:
    load(world, "action,id,job,organisation\nadd,010,J1,Claims\nadd,011,J1,Claims\nadd,011,J2,Legal\n")
    load(world, "action,id,position\nupdate,010,Clerk\nupdate,011,Clerk\n")
    assert said(world, "010")["jobs"] == {"J1": [{"organisation": "Claims", "position": "Clerk"}]}
    assert said(world, "011")["jobs"] == {"J1": [{"organisation": "Claims"}], "J2": [{"organisation": "Legal"}]}
    assert {"p10", "p11"} <= active_in(world, "fs")


def test_a_unit_keeps_its_place_where_a_file_of_changes_has_no_column_for_it(runtime: Runtime) -> None:
    world = World(runtime)
    world.people("p1", number="1")
    with runtime.db.write() as session:
        setup.add_source(
            session, HOST, "hr", "csv", join_by="id=number", mapping={"mode": "changes"}, at=world.now, who="t"
        )
    changes.supply(runtime, HOST, "organisation", ["hr"], yes=True, who="t")
    files = [
        ("people.csv", b"action,id,organisation\nadd,1,B\n"),
        ("organisations.csv", b"action,id,name,parent,code\nadd,A,Claims,,C1\nadd,B,Nights,A,C2\n"),
    ]
    loads.load(runtime, HOST, "hr", files, yes=True, who="t")
    load(world, "action,id,name\nupdate,B,Night shift\n", "organisations.csv")
    with runtime.db.read() as session:
        rows = session.scalars(select(Unit).where(Unit.gone.is_(False)).order_by(Unit.ext)).all()
        assert [(one.ext, one.name, one.parent_ext, one.code) for one in rows] == [
            ("hr:A", "Claims", "", "C1"), ("hr:B", "Night shift", "hr:A", "C2"),
        ]  # fmt: skip


def test_of_several_rows_about_one_record_the_last_word_counts(world: World) -> None:
    load(world, "action,id,job,organisation\nadd,010,J1,Claims\nadd,010,J2,Claims\n")
    rows = (
        "remove,003,,\nadd,003,,Legal\n", "add,004,,Legal\nremove,004,,\n", "remove,005,,\nupdate,005,,Claims\n",
        "remove,010,J1,\nadd,010,J1,Legal\nadd,010,J2,Legal\nremove,010,J2,\n",
    )  # fmt: skip
    done = load(world, "action,id,job,organisation\n" + "".join(rows))
    assert (done["identities"]["gone"], done["identities"]["new"]) == (1, 0)
    assert active_in(world, "fs") == {f"p{n}" for n in (0, 1, 2, 5, 6, 7, 8, 9)}
    assert said(world, "003")["jobs"] == {"": [{"organisation": "Legal"}]}
    assert said(world, "005")["jobs"] == {"": [{"organisation": "Claims"}]}  # the record is new: nobody is her manager
    assert said(world, "010")["jobs"] == {"J1": [{"organisation": "Legal"}]}
    assert examine(world.runtime, deep=True) == []


def test_the_last_word_counts_of_audiences_too(world: World) -> None:
    changes.supply(world.runtime, HOST, "audiences", ["hr"], yes=True, who="t")
    load(world, "action,audience,person\nadd,a,001\nadd,a,002\nadd,b,001\nadd,b,002\nadd,c,001\n", "audiences.csv")
    text = "action,audience,person\nremove,a,001\nadd,a,001\nadd,a,003\nremove,a,003\nremove,b,\nadd,b,004\nadd,c,002\nremove,c,\n"
    load(world, text, "audiences.csv")
    with world.runtime.db.read() as session:
        members = session.execute(
            select(Audience.ext, Person.ext).join(AudienceMember, AudienceMember.audience == Audience.id)
            .join(Person, Person.id == AudienceMember.person).where(Audience.gone.is_(False))
        ).all()  # fmt: skip
    assert sorted(map(tuple, members)) == [("hr:a", "p1"), ("hr:a", "p2"), ("hr:b", "p4")]


def test_a_unit_that_a_job_moves_to_on_a_day_to_come_can_be_assigned_before_it(runtime: Runtime) -> None:
    made = World(runtime)
    made.people("p0", number="000")
    with runtime.db.write() as session:
        setup.add_source(session, HOST, "hr", "csv", join_by="id=number", mapping={}, at=made.now, who="t")
    changes.supply(runtime, HOST, "organisation", ["hr"], yes=True, who="t")
    load(
        made,
        "id,organisation,start,end\n000,Old,2019-01-01,2019-12-31\n000,A,2020-01-01,2029-12-31\n000,B,2030-01-01,\n",
    )
    made.save("fs", row("organisation", "hr:B"))
    assert active_in(made, "fs") == set()
    with runtime.db.read() as session:
        assert set(session.scalars(select(Unit.ext))) == {"hr:A", "hr:B"}
    made.at(1_894_000_000)  # 2030-01-07
    turn(made.runtime, HOST)
    tick(made.runtime, HOST)
    made.settle()
    assert active_in(made, "fs") == {"p0"}
