"""Whoever is suspended stands on the line *suspended*, on both sides, enrolled or not (rules 2.6, 5.3)."""

from __future__ import annotations

from dataclasses import asdict, replace

from plugin.certifications.definition import AssignmentDef, Proposal
from plugin.certifications.store import by_id, definition_of
from plugin.core.runtime import Runtime
from plugin.enrolment.saving import warnings
from plugin.enrolment.saving.file_review import plan_document
from plugin.enrolment.saving.review import review
from tests.histories.lab import Lab
from tests.histories.naive import Certification, Row


def frozen(runtime: Runtime) -> Lab:
    """Ann and Bob are enrolled, Ann suspended since; Cem is suspended and was never enrolled."""
    lab = Lab(runtime)
    for name in ("ann", "bob", "cem"):
        lab.person(name)
    lab.audience("crew", {"ann", "bob"})
    lab.audience("more", {"ann", "bob", "cem"})
    lab.model.certifications["A"] = Certification()
    lab.save("A", {"audience:crew": Row("audience", "crew")}, Certification())
    lab.settle()
    lab.person("ann", state="suspended")
    lab.person("cem", state="suspended")
    lab.settle()
    return lab


def proposal(lab: Lab, *rows: AssignmentDef) -> Proposal:
    """The saved certification with these rows."""
    number = lab.number("A")
    with lab.runtime.db.read() as session:
        current = definition_of(session, lab.host, number)
        return Proposal(replace(current, assignments=rows), by_id(session, lab.host, number).version, current)


CREW, MORE = AssignmentDef("audience", "crew", "", "none"), AssignmentDef("audience", "more", "", "none")


def test_an_enrolled_one_who_is_suspended_is_not_counted_as_enrolled_already(runtime: Runtime) -> None:
    lab = frozen(runtime)
    with lab.runtime.db.read() as session:
        [found] = review(session, lab.host, [proposal(lab, CREW, MORE)], now=lab.model.now)
        warned = warnings.targets(session, lab.host, proposal(lab, CREW), [MORE], now=lab.model.now)
    expected = {"x": 3, "already": 1, "newly": 0, "later": 0, "held_back": 0, "suspended": 2, "not_to_be_assigned": 0}
    assert asdict(found.adding) == expected == asdict(warned)
    [planned] = plan_document([found])["certifications"]
    assert list(planned["adding"].items()) == list(expected.items())
    assert len(found.names["suspended_adding"]) == 2


def test_on_removal_she_is_neither_withdrawn_nor_kept(runtime: Runtime) -> None:
    lab = frozen(runtime)
    with lab.runtime.db.read() as session:
        [found] = review(session, lab.host, [proposal(lab)], now=lab.model.now)
        warned, _messages = warnings.removal_warning(session, lab.host, proposal(lab, CREW), [CREW], now=lab.model.now)
        [kept] = review(session, lab.host, [proposal(lab, MORE)], now=lab.model.now)
    expected = {"x": 2, "withdrawn": 1, "kept": 0, "suspended": 1, "not_enrolled": 0}
    assert asdict(found.removing) == expected == asdict(warned)
    assert asdict(kept.removing) == {"x": 2, "withdrawn": 0, "kept": 1, "suspended": 1, "not_enrolled": 0}
