"""Catalogues of the languages: brought up to ``messages.pot``, checked, and shared out to translators in parts.

``python -m tests.catalogues update`` brings every catalogue up to the template (``make strings`` does); nothing is guessed.
``python -m tests.catalogues new it`` begins a language.
``python -m tests.catalogues check de`` names what is missing or wrong, and ends with 1 if anything is.
``python -m tests.catalogues parts de FOLDER`` writes what is missing as files of some hundred lines: ``key<TAB>message``,
and a line for each plural form. ``take de FOLDER`` reads translations in the same form (``key<TAB>translation``, line
breaks as ``\\n``) from the files ``*.out`` beside them.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.pofile import read_po, write_po

from plugin.core.text import languages

PLACES = re.compile(r"%\(\w+\)[a-z]|\{\w+\}|%%")
_DATES = re.compile(
    r'^"(POT-Creation-Date|PO-Revision-Date|Report-Msgid-Bugs-To|Last-Translator|Language-Team): .*\\n"\n', re.M
)
"""What would differ between two people's files, and says nothing."""
PART = 350
"""Lines of a part."""
PLURALS = {"ar": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);"}
"""Where Babel numbers the forms otherwise than gettext's manual."""
EXACT = {"ar": (0, 1, 2), "de": (0,), "es": (0,), "fr": (0,)}
"""Plural forms that stand for one number (nought and one in French), or are few: those need not name it."""


def path_of(language: str) -> Path:
    """Where the catalogue of a language is."""
    return languages.FOLDER / language / "LC_MESSAGES" / "messages.po"


def read(language: str) -> Catalog:
    """The catalogue of a language."""
    with path_of(language).open("rb") as file:
        return read_po(file, locale=language)


def write(language: str, catalog: Catalog) -> None:
    """Write a catalogue, sorted, so that two people's changes seldom meet."""
    path = path_of(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = io.BytesIO()
    write_po(file, catalog, sort_output=True, ignore_obsolete=True, width=0, include_lineno=False)
    path.write_text(_DATES.sub("", file.getvalue().decode()), encoding="utf-8")


def template() -> Catalog:
    """What there is to translate, read anew."""
    with (languages.FOLDER / "messages.pot").open("rb") as file:
        return read_po(file)


def update(language: str) -> None:
    """Bring a catalogue up to the template: new messages empty, old ones gone, none guessed."""
    catalog = read(language)
    catalog.update(template(), no_fuzzy_matching=True, update_header_comment=False)
    catalog.obsolete.clear()
    write(language, catalog)


def begin(language: str) -> None:
    """An empty catalogue."""
    if path_of(language).exists():
        raise SystemExit(f"There is a catalogue for {language} already.")
    catalog = Catalog(
        locale=language, project="Muster", version="1", fuzzy=False, header_comment="# Muster in another language.",
    )  # fmt: skip
    write(language, catalog)
    if language in PLURALS:
        text = path_of(language).read_text(encoding="utf-8")
        path_of(language).write_text(re.sub(r"Plural-Forms: .*?\\n", f"Plural-Forms: {PLURALS[language]}\\\\n", text))
    update(language)


def problems(language: str) -> Iterator[str]:
    """What is missing, guessed, or has other placeholders than the English message."""
    catalog, whole = read(language), template()
    for message in whole:
        if not message.id:
            continue
        first = message.id if isinstance(message.id, str) else message.id[0]
        found = catalog.get(message.id, message.context)
        if found is None or not all(_forms(found)) or found.pluralizable != message.pluralizable:
            yield f"not translated: {first}"
            continue
        if found.fuzzy:
            yield f"only a guess: {first}"
        if message.pluralizable and len(found.string) != catalog.num_plurals:
            yield f"{catalog.num_plurals} plural forms wanted: {first}"
        for place, form in enumerate(_forms(found)):
            if trouble := _differs(message, form, exact=place in EXACT.get(language, ())):
                yield f"{trouble}: {first} → {form}"
    known = {(message.id, message.context) for message in whole}
    gone = (one for one in catalog if one.id and (one.id, one.context) not in known)
    yield from (f"no such message any more: {one.id}" for one in gone)


def _forms(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)


def _differs(message: Message, form: str, *, exact: bool) -> str:
    """Placeholders that a translation lost or made up; white space at its ends that it lost."""
    english = [message.id] if isinstance(message.id, str) else list(message.id)
    allowed = [set(PLACES.findall(one)) for one in english]
    said = set(PLACES.findall(form))
    counted = [{place for place in one if not place.startswith("%(num)")} for one in allowed] if exact else []
    if not any(said == one for one in (allowed[-1:] if not exact else [*allowed, *counted])):
        return "other placeholders"
    ends = [(one[: len(one) - len(one.lstrip())], one[len(one.rstrip()) :]) for one in english]
    if (form[: len(form) - len(form.lstrip())], form[len(form.rstrip()) :]) not in ends:
        return "other white space at an end"
    return ""


def key_of(message: Message) -> str:
    """A short name for a message, the same tomorrow."""
    return sha256(repr((message.id, message.context) if message.context else message.id).encode()).hexdigest()[:8]


def parts(language: str, folder: Path) -> None:
    """What is missing, shared out."""
    folder.mkdir(parents=True, exist_ok=True)
    catalog = read(language)
    lines = []
    for message in template():
        found = catalog.get(message.id, message.context) if message.id else None
        if not message.id or (found is not None and all(_forms(found)) and not found.fuzzy):
            continue
        forms = [message.id] if isinstance(message.id, str) else message.id
        names = (
            [key_of(message)]
            if isinstance(message.id, str)
            else [f"{key_of(message)}.{form}" for form in ("one", "many")]
        )
        note = f" [{message.context}]" if message.context else ""
        lines += [f"{name}\t{form}{note}".replace("\n", "\\n") for name, form in zip(names, forms, strict=True)]
    for start in range(0, len(lines), PART):
        (folder / f"{start // PART + 1:02}.in").write_text(
            "\n".join(lines[start : start + PART]) + "\n", encoding="utf-8"
        )
    print(f"{len(lines)} lines in {-(-len(lines) // PART)} parts")


def take(language: str, folder: Path) -> None:
    """Translations from ``*.out``: ``key<TAB>text``; of counted messages ``key.0``, ``key.1`` and so on."""
    catalog = read(language)
    by_key = {key_of(message): message for message in template() if message.id}
    forms: dict[str, dict[int, str]] = {}
    for path in sorted(folder.glob("*.out")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            name, tab, text = line.partition("\t")
            key, _dot, form = name.strip().partition(".")
            if not line.strip():
                continue
            fitting = [one for one in by_key if key and one.startswith(key)]
            key = fitting[0] if len(fitting) == 1 else key
            if not tab or key not in by_key or (form and not form.isdigit()):
                print(f"{path.name}:{number}: not understood: {line[:80]}")
                continue
            forms.setdefault(key, {})[int(form or 0)] = text.replace("\\n", "\n")
    for key, said in forms.items():
        message = by_key[key]
        found = catalog.get(message.id, message.context)
        if found is None:
            catalog.add(message.id, flags=message.flags, context=message.context)
            found = catalog.get(message.id, message.context)
        found.string = tuple(said.get(n, "") for n in range(catalog.num_plurals)) if message.pluralizable else said[0]
        found.flags.discard("fuzzy")
    write(language, catalog)
    print(f"{len(forms)} messages taken; {len(list(problems(language)))} problems left")


def main(words: list[str]) -> int:
    """The commands above."""
    match words:
        case ["update"]:
            for language in languages.known()[1:]:
                update(language)
        case ["new", language]:
            begin(language)
        case ["check", language]:
            found = list(problems(language))
            print("\n".join([*found, f"{language}: {len(found)} problems"]))
            return 1 if found else 0
        case ["parts", language, folder]:
            parts(language, Path(folder))
        case ["take", language, folder]:
            take(language, Path(folder))
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
