"""Certifications as a file: read, merged with what is saved, written back (AS-CODE)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml
from marshmallow import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.definition import (
    DEFAULT_EXCEPTIONS,
    EXCLUDABLE,
    AssignmentDef,
    Definition,
    Exclusion,
    Proposal,
)
from plugin.certifications.file.document import Mapping as Lined
from plugin.certifications.file.document import read_document
from plugin.certifications.file.schema import TARGETS, FileSchema
from plugin.certifications.rules.content import SAME, check_same, minimum_time
from plugin.certifications.rules.due_dates import AfterDue, parse_due
from plugin.certifications.rules.period import dump_period_settings, parse_period_settings
from plugin.certifications.rules.written_content import dump_content, parse_content
from plugin.certifications.store import by_code, definition_of
from plugin.certifications.tables import Assignment, Certification, GroupMember
from plugin.certifications.targets import target_ids, within_reach
from plugin.certifications.written_targets import as_meant
from plugin.core.database.area_conditions import inside
from plugin.core.database.slices import slices
from plugin.core.errors import Invalid, RefusedByRule, faults_of
from plugin.mirror.connections.store import site_of
from plugin.mirror.lookup.browse import hidden
from plugin.mirror.tables import Course, Person

_PLAIN = ("name", "kind", "state", "enrol", "areas", "category")
"""Keys whose value is taken as it stands."""
DEFAULT_PERIOD = {"active": "1 year", "window": "1 month", "expiry_from": "completion"}
"""The period of a certification whose file gives none."""


@dataclass(frozen=True)
class FileCertification:
    """One certification of a file: the keys it gives, checked; what it leaves out is absent."""

    code: str
    given: Mapping[str, Any]
    source: Lined


def read_file(text: str) -> list[FileCertification]:
    """Read and check a file.

    :raises Invalid: naming the key and the line of everything that is wrong, a line each.
    """
    document = read_document(text)
    try:
        loaded = FileSchema().load(document)
    except ValidationError as error:
        raise _all_of(_problems(document, error.messages)) from None
    files: list[FileCertification] = []
    wrong: list[str] = []
    for source, given in zip(document["certifications"], loaded["certifications"], strict=True):
        if any(one.code == given["code"] for one in files):
            wrong.append(f"Line {source.line}: the code '{given['code']}' stands in the file twice.")
        wrong += _twice(source, given)
        files.append(FileCertification(given["code"], given, source))
    if wrong:
        raise _all_of(wrong)
    return files


SAID = 100
"""Faults that are named; of more the number."""


def _all_of(sentences: Sequence[str]) -> Invalid:
    """One refusal that names every fault, a line each, in the order of the file's lines."""
    listed = sorted(dict.fromkeys(sentences), key=_line_of)
    more = [f"… and {len(listed) - SAID} more."] if len(listed) > SAID else []
    return Invalid("\n".join([*listed[:SAID], *more]))


def _line_of(sentence: str) -> int:
    number = sentence.removeprefix("Line ").partition(":")[0].partition(",")[0]
    return int(number) if number.isascii() and number.isdigit() else 0


def _problems(document: Any, messages: Any) -> list[str]:
    """Every message, each with the path of its key and the line it stands in."""
    found: list[str] = []

    def walk(where: Any, line: int, names: tuple[str, ...], part: Any) -> None:
        if not isinstance(part, dict):
            listed = part if isinstance(part, list) and part else ["This is not understood."]
            found.extend(f"Line {line}, {'.'.join(names) or 'file'}: {said}" for said in listed)
            return
        for key, inner in part.items():
            if key == "_schema":
                walk(where, line, names, inner)
                continue
            own = where.lines.get(str(key), where.line) if isinstance(where, Lined) else line
            value = where[key] if isinstance(where, list | dict) and _has(where, key) else None
            if isinstance(value, Lined) and isinstance(key, int):
                own = value.line
            walk(value, own, (*names, str(key)), inner)

    walk(document, getattr(document, "line", 0) or 1, (), messages)
    return found


def _has(where: list[Any] | dict[str, Any], key: Any) -> bool:
    return key in where if isinstance(where, dict) else isinstance(key, int) and key < len(where)


def _twice(source: Lined, given: Mapping[str, Any]) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for number, row in enumerate(given.get("assignments", ())):
        kind = next(kind for kind in TARGETS if kind in row)
        if (kind, row[kind]) in seen:
            line = source["assignments"][number].line
            yield f"Line {line}: {kind}:{row[kind]} stands in the list twice."
        seen.add((kind, row[kind]))
        excepted = [one[:2] for one in _exclusions(row)]
        for one in dict.fromkeys(one for one in excepted if excepted.count(one) > 1):
            line = source["assignments"][number].line
            yield f"Line {line}: {kind}:{row[kind]} excepts {one[0]}:{one[1]} twice."


def proposals(session: Session, host_id: int, files: Sequence[FileCertification]) -> list[Proposal]:
    """What the files propose: merged with what is saved, and checked against the mirror.

    :raises Invalid: for ids the host does not know, or settings that contradict each other; all of them, a line each.
    :raises RefusedByRule: for ``recertification: same`` where the host cannot reset completions.
    """
    new_codes = {one.code for one in files}
    made: list[Proposal] = []
    wrong: list[str] = []
    refused: list[RefusedByRule] = []
    for one in files:
        try:
            made.append(_proposal(session, host_id, one, new_codes))
        except RefusedByRule as trouble:
            refused.append(trouble)
        except Invalid as trouble:
            wrong += trouble.sentence.split("\n")
    if wrong:
        raise _all_of(wrong)
    if refused:
        raise refused[0]
    return made


def _proposal(session: Session, host_id: int, file: FileCertification, new_codes: set[str]) -> Proposal:
    row = by_code(session, host_id, file.code)
    current = definition_of(session, host_id, row.id) if row is not None else None
    if current is None and "name" not in file.given:
        raise Invalid(f"Line {file.source.line}: '{file.code}' is new and needs a name.")
    definition = as_meant(session, host_id, _merged(file, current))
    definition = _checked(session, host_id, file, definition)
    _check_ids(session, host_id, file, definition, current, new_codes)
    if current is not None and row is not None:
        definition = _members_left_alone(session, host_id, row.id, definition)
    return Proposal(definition, row.version if row is not None else 0, current)


def _merged(file: FileCertification, current: Definition | None) -> Definition:
    given = file.given
    base = current or Definition(code=file.code, name=given["name"], state="draft", notifications=())
    changes: dict[str, Any] = {name: given[name] for name in _PLAIN if name in given}
    if "available" in given:
        changes["available"] = merged = {**base.available, **given["available"]}
        if merged.get("from") and merged.get("until") and merged["until"] < merged["from"]:
            line = file.source.lines.get("available", file.source.line)
            raise Invalid(f"Line {line}, available: it would end on {merged['until']}, before it begins.")
    if "content" in given:
        content = parse_content(given["content"], parse_content(base.content))
        changes["content"] = dump_content(content)
    if "leaving" in given:
        changes["leaving"] = {**base.leaving, **given["leaving"]}
    if "exceptions" in given:
        changes["exceptions"] = {**DEFAULT_EXCEPTIONS, **base.exceptions, **given["exceptions"]}
    if "assignments" in given:
        before = {row.key: row for row in base.assignments}
        changes["assignments"] = tuple(_assignment(row, before) for row in given["assignments"])
    if "starts" in given:
        changes["starts"] = given["starts"] or ""
    if "wave" in given:
        changes["wave"] = given["wave"]
    if "notifications" in given:
        changes["notifications"] = tuple(given["notifications"])
    return replace(base, **changes)


def _assignment(row: Mapping[str, Any], before: Mapping[str, AssignmentDef]) -> AssignmentDef:
    kind = next(kind for kind in TARGETS if kind in row)
    include = row.get("include", "direct" if kind == "manager" else "")
    group: dict[str, Any] = {}
    if kind == "group":
        known = before.get(f"group:{row['group']}")
        group = {"description": "", "self_enrol": False, "withdraw": False, **(known.group if known else {})}
        group |= {key: row[key] for key in ("description", "self_enrol", "withdraw") if key in row}
    members = tuple(dict.fromkeys(row["members"])) if "members" in row else None
    return AssignmentDef(kind, row[kind], include, row.get("due", "none"), group, members, _exclusions(row),
                         row.get("starts") or "", row.get("wave"))  # fmt: skip


def _exclusions(row: Mapping[str, Any]) -> tuple[Exclusion, ...]:
    """What a row excepts, in its order."""
    kinds = [(next(kind for kind in EXCLUDABLE if kind in one), one) for one in row.get("except", ())]
    return tuple((kind, one[kind], one.get("include", "")) for kind, one in kinds)


def _checked(session: Session, host_id: int, file: FileCertification, definition: Definition) -> Definition:
    """Period and content against each other and against what the host can do."""
    content = parse_content(definition.content)
    if definition.kind == "program":
        if content.recertification not in ((), SAME) or "period" in file.given:
            raise Invalid(
                f"Line {file.source.line}: a program never expires, so it has no period and no recertification."
            )
        return replace(definition, period={})
    before = parse_period_settings(definition.period or DEFAULT_PERIOD)
    try:
        settings = parse_period_settings(
            file.given.get("period", {}), before, minimum_time(content.recertification_path)
        )
    except ValueError as error:
        raise _all_of(_wrong_period(file, error)) from None
    site = site_of(session, host_id)
    caps = site.caps if site is not None else {}
    try:
        check_same(content, bool(caps.get("resets_completion")))
    except ValueError as error:
        raise RefusedByRule(f"{definition.code}: {error}") from None
    return replace(definition, period=dump_period_settings(settings))


def _wrong_period(file: FileCertification, error: ValueError) -> list[str]:
    """Each fault of a period with the line of its key."""
    lines = getattr(file.source.get("period"), "lines", {})
    general = file.source.lines.get("period", file.source.line)
    return [f"Line {lines.get(where[0], general) if where else general}, {'.'.join(map(str, ('period', *where)))}: {said}"
            for where, said in faults_of(error)]  # fmt: skip


def _check_ids(
    session: Session, host_id: int, file: FileCertification, definition: Definition, current: Definition | None,
    new_codes: set[str],
) -> None:  # fmt: skip
    """Every id in what the file gives must be known; what was saved before may have gone missing meanwhile."""
    wrong: list[str] = []
    if "content" in file.given:
        wrong += _unknown_courses(session, host_id, file, definition.content)
    if "assignments" in file.given:
        lines = file.source["assignments"]
        members = {("individual", member) for row in definition.assignments for member in row.members or ()}
        aimed = [(row.type, row.target) for row in definition.assignments]
        aimed += [one[:2] for row in definition.assignments for one in row.exclusions]
        everybody = target_ids(session, host_id, [*aimed, *members])
        ids = within_reach(session, host_id, everybody)  # a saved row may name others: it stays as it is
        saved = _saved_targets(session, host_id, definition.code)
        excepted = {one[:2] for row in current.assignments for one in row.exclusions} if current is not None else set()
        seen: set[str] = set()
        for number, row in enumerate(definition.assignments):
            line = lines[number].line
            if row.key in seen:
                wrong.append(f"Line {line}: {row.key} stands in the list twice.")
            seen.add(row.key)
            if (row.type, row.target) not in ids and (row.type, row.target) not in saved:
                wrong.append(f"Line {line}: the host knows no {row.type} '{row.target}'.")
            wrong += [f"Line {line}: the host knows no {one[0]} '{one[1]}'." for one in row.exclusions
                      if one[:2] not in ids and one[:2] not in excepted]  # fmt: skip
            known = everybody if (row.type, row.target) in saved else ids
            unknown = [member for member in row.members or () if known.get(("individual", member)) is None]
            wrong += [f"Line {line}: the host knows no person '{member}'." for member in unknown]
            wrong += _wrong_due(session, host_id, row, line, new_codes)
    if wrong:
        raise _all_of(wrong)


def _saved_targets(session: Session, host_id: int, code: str) -> set[tuple[str, str]]:
    row = by_code(session, host_id, code)
    if row is None:
        return set()
    rows = session.execute(
        select(Assignment.type, Assignment.target).where(
            Assignment.host_id == host_id, Assignment.certification == row.id, Assignment.live
        )
    )
    return {(one[0], one[1]) for one in rows}


def _wrong_due(session: Session, host_id: int, row: AssignmentDef, line: int, new_codes: set[str]) -> Iterator[str]:
    due = parse_due(row.due)
    if not isinstance(due, AfterDue) or due.item is None:
        return
    if due.event == "certification_completion":
        if due.item not in new_codes and by_code(session, host_id, due.item) is None:
            yield f"Line {line}: there is no certification '{due.item}'."
    elif due.event == "course_completion":
        known = session.scalar(select(Course.id).where(Course.host_id == host_id, Course.ext == due.item))
        if known is None:
            yield f"Line {line}: the host knows no course '{due.item}'."
    elif due.event in ("position_assigned", "job_start") and ("position", due.item) not in target_ids(
        session, host_id, [("position", due.item)]
    ):
        yield f"Line {line}: the host knows no position '{due.item}'."


def _unknown_courses(session: Session, host_id: int, file: FileCertification, content: Mapping[str, Any]) -> list[str]:
    """The courses that the host does not know, each with the line of its course set."""
    paths = [which for which in ("certification", "recertification") if isinstance(content[which], list)]
    named = {course for which in paths for one in content[which] for course in one["courses"]}
    known: set[str] = set()
    for part in slices(sorted(named)):
        known.update(session.scalars(select(Course.ext).where(Course.host_id == host_id, Course.ext.in_(part))))
    written, wrong = file.source["content"], []
    for which in paths:
        for number, one in enumerate(content[which]):
            line = written[which][number].line if which in written else file.source.lines["content"]
            wrong += [f"Line {line}, content: the host knows no course '{course}'." for course in sorted(one["courses"])
                      if course not in known]  # fmt: skip
    return wrong


def _members_left_alone(session: Session, host_id: int, certification: int, definition: Definition) -> Definition:
    """A member list that is what it already is proposes nothing."""
    rows = []
    for row in definition.assignments:
        if row.type == "group" and row.members is not None:
            present = members_of(session, host_id, certification, row.target)
            if present is not None and set(present) == set(row.members):
                row = replace(row, members=None)
        rows.append(row)
    return replace(definition, assignments=tuple(rows))


def members_of(session: Session, host_id: int, certification: int, group: str) -> list[str] | None:
    """The host's ids of a group's members, in order; ``None`` where there is no such group."""
    assignment = session.scalar(
        select(Assignment.id).where(
            Assignment.host_id == host_id, Assignment.certification == certification, Assignment.type == "group",
            Assignment.target == group, Assignment.live,
        )
    )  # fmt: skip
    if assignment is None:
        return None
    rows = session.scalars(
        select(Person.ext)
        .join(GroupMember, (GroupMember.host_id == Person.host_id) & (GroupMember.person == Person.id))
        .where(Person.host_id == host_id, GroupMember.assignment == assignment, Person.state != 2)
        .where(*inside(session, host_id, Person.id))
        .order_by(Person.ext)
    )
    return list(rows)


def export(session: Session, host_id: int, wanted: Sequence[str]) -> str:
    """The file that ``plan`` finds no difference to."""
    return yaml.safe_dump(
        document(session, host_id, wanted), sort_keys=False, allow_unicode=True, default_flow_style=False
    )


def document(session: Session, host_id: int, wanted: Sequence[str]) -> dict[str, Any]:
    """The same as a value: these certifications, in this order; codes nobody has are left out."""
    documents = []
    rows = session.scalars(
        select(Certification).where(Certification.host_id == host_id, Certification.code.in_(wanted))
    ).all()
    for row in sorted(rows, key=lambda one: list(wanted).index(one.code)):
        documents.append(_exported(session, host_id, row.id, definition_of(session, host_id, row.id)))
    return {"version": 1, "certifications": documents}


def rows_of(session: Session, host_id: int, number: int) -> dict[str, dict[str, Any]]:
    """The assignments of a certification as the file writes them, by ``type:target``, in their order."""
    rows = seen_rows(session, host_id, definition_of(session, host_id, number).assignments)
    return {row.key: _exported_row(session, host_id, number, row) for row in rows}


def _exported(session: Session, host_id: int, number: int, definition: Definition) -> dict[str, Any]:
    document: dict[str, Any] = {"code": definition.code, "name": definition.name, "kind": definition.kind,
                                "state": definition.state}  # fmt: skip
    if definition.category:
        document["category"] = definition.category
    if definition.areas:
        document["areas"] = True
    if any(definition.available.values()):
        document["available"] = dict(definition.available)
    document["content"] = dict(definition.content)
    if definition.period:
        document["period"] = dict(definition.period)
    document |= {
        "enrol": definition.enrol,
        "leaving": dict(definition.leaving),
        "exceptions": dict(definition.exceptions),
    }
    if definition.kind == "program":
        document["content"].pop("recertification", None)
    if definition.starts:
        document["starts"] = definition.starts
    if definition.wave:
        document["wave"] = dict(definition.wave)
    seen = seen_rows(session, host_id, definition.assignments)
    document["assignments"] = [_exported_row(session, host_id, number, row) for row in seen]
    document["notifications"] = [dict(one) for one in definition.notifications or ()]
    return document


def seen_rows(session: Session, host_id: int, rows: Sequence[AssignmentDef]) -> list[AssignmentDef]:
    """Without people whom whoever looks may not see: their rows, and what other rows except of them (ACCESS 3)."""
    named = {row.target for row in rows if row.type == "individual"}
    named |= {one[1] for row in rows for one in row.exclusions if one[0] == "individual"}
    gone = {("individual", one) for one in hidden(session, host_id, "individual", named)}
    return [
        replace(row, exclusions=tuple(one for one in row.exclusions if one[:2] not in gone))
        for row in rows if (row.type, row.target) not in gone
    ]  # fmt: skip


def _exported_row(session: Session, host_id: int, number: int, row: AssignmentDef) -> dict[str, Any]:
    found: dict[str, Any] = {row.type: row.target}
    if row.include:
        found["include"] = row.include
    if row.exclusions:
        found["except"] = [
            {kind: target, **({"include": include} if include else {})} for kind, target, include in row.exclusions
        ]
    found |= row.group
    if row.type == "group":
        found["members"] = members_of(session, host_id, number, row.target) or []
    if row.starts:
        found["starts"] = row.starts
    if row.wave:
        found["wave"] = dict(row.wave)
    return found | {"due": row.due}
