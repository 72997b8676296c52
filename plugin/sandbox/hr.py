"""The HR page: files to try with a source of files, and a directory that pushes by SCIM as Entra and Okta do."""

from __future__ import annotations

import uuid
from typing import Any

import requests
from flask import Blueprint, Response, abort, current_app, render_template, request

from plugin.sandbox.api import store
from plugin.sandbox.hr_files import FORMATS, STORIES, staff, written

blueprint = Blueprint("hr", __name__, url_prefix="/hr")
STYLES = {"entra": "As Entra does", "okta": "As Okta does"}
PUSHES = {
    "push": "Push these people",
    "move": "Move them to another department",
    "deactivate": "Deactivate them",
    "group": "Push a group of them",
}
MOST = 200
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_SPACE = uuid.UUID("7b1c2f0e-5f0a-4c7e-9c57-3a3f0c1d2e4b")


@blueprint.get("")
def show() -> Any:
    """The page."""
    return _page()


def _page(said: list[str] | None = None, failed: str = "") -> str:
    muster = current_app.config["MUSTER"]
    return render_template(
        "hr.html", formats=FORMATS, stories=STORIES, styles=STYLES, pushes=PUSHES, muster=muster, said=said or [],
        failed=failed, here=request.url_root.rstrip("/"), form=request.form, address=request.form.get("address") or
        f"{muster}/scim/v2/directory", most=MOST,
    )  # fmt: skip


@blueprint.get("/people")
def people() -> Any:
    """A file of HR."""
    form, story = request.args.get("format", "windows-1252"), request.args.get("story", "today")
    if form not in FORMATS or story not in STORIES:
        abort(404)
    data, name, media = written(store(), form, story)
    answer = Response(data, content_type=media)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@blueprint.post("/push")
def push() -> Any:
    """Write users to a directory's address."""
    asked = {name: str(request.form.get(name, "")).strip() for name in ("address", "token", "style", "act", "count")}
    muster = current_app.config["MUSTER"]
    if not asked["address"].startswith(f"{muster}/scim/"):
        return _page(failed=f"This page pushes to {muster}/scim/v2/… alone."), 400
    count = min(MOST, int(asked["count"])) if asked["count"].isdigit() else 25
    directory = _Directory(asked["address"].rstrip("/"), asked["token"], okta=asked["style"] == "okta")
    try:
        directory.do(asked["act"], staff(store())[:count])
    except (requests.RequestException, ValueError, KeyError) as error:
        return _page(directory.said, failed=f"It stopped: {error}"), 502
    return _page(directory.said)


class _Directory:
    """Sends what a directory sends, and keeps what came back."""

    def __init__(self, address: str, token: str, *, okta: bool) -> None:
        self.address, self.okta = address, okta
        self.said: list[str] = []
        self._http = requests.Session()
        self._http.headers.update(
            {
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/scim+json",
                "Accept": "application/scim+json",
            }
        )

    def do(self, act: str, people: list[dict[str, Any]]) -> None:
        if act == "group":
            self._group(people)
            return
        for one in people:
            if act == "move":
                self._move(one)
            elif act == "deactivate":
                self._deactivate(one)
            else:
                self._write(one)
        if act not in ("move", "deactivate"):
            self._managers(people)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]:
        answer = self._http.request(method, f"{self.address}{path}", json=body, params=query, timeout=20)
        if len(self.said) < 300:
            self.said.append(f"{method} {path} {query or ''} → {answer.status_code}".replace("  ", " "))
        if answer.status_code >= 400:
            raise ValueError(f"{method} {path} was answered {answer.status_code}: {answer.text[:300]}")
        return dict(answer.json()) if answer.content else {}

    def _found(self, one: dict[str, Any]) -> dict[str, Any] | None:
        paging: dict[str, Any] = {"startIndex": "1", "count": "100"} if self.okta else {}
        found = self.ask("GET", "/Users", filter=f'userName eq "{one["username"]}"', **paging)
        return found["Resources"][0] if found.get("Resources") else None

    def _user(self, one: dict[str, Any]) -> dict[str, Any]:
        external = f"00u{one['number'].lower()}" if self.okta else str(uuid.uuid5(_SPACE, one["number"]))
        user: dict[str, Any] = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", _ENTERPRISE], "externalId": external,
            "userName": one["username"], "active": one["active"], "displayName": f"{one['given']} {one['family']}",
            "name": {"givenName": one["given"], "familyName": one["family"]}, "title": one["title"],
            "emails": [{"primary": True, "type": "work", "value": one["email"]}],
            _ENTERPRISE: {"employeeNumber": one["number"], "department": one["unit"]},
        }  # fmt: skip
        if self.okta:
            user |= {"locale": "en-US", "groups": [], "password": "not-used"}
        else:
            user["meta"] = {"resourceType": "User"}
        return user

    def _write(self, one: dict[str, Any]) -> None:
        known = self._found(one)
        if known is None:
            self.ask("POST", "/Users", self._user(one))
        elif self.okta:
            self.ask("PUT", f"/Users/{known['id']}", {**self._user(one), "id": known["id"]})
        else:
            told = {f"{_ENTERPRISE}:department": one["unit"], "title": one["title"], "active": str(one["active"])}
            self._patch(known, [{"op": "Replace", "path": path, "value": value} for path, value in told.items()])

    def _patch(self, known: dict[str, Any], operations: list[dict[str, Any]]) -> None:
        self.ask("PATCH", f"/Users/{known['id']}", {"schemas": [_PATCH], "Operations": operations})

    def _managers(self, people: list[dict[str, Any]]) -> None:
        """Entra names managers afterwards, each by a write of its own."""
        by_number = {one["number"]: found for one in people if (found := self._found(one)) is not None}
        for one in people:
            boss, known = by_number.get(one["manager"]), by_number.get(one["number"])
            if known is None:
                continue
            if boss is None:
                if not self.okta and known.get(_ENTERPRISE, {}).get("manager"):
                    self._patch(known, [{"op": "Remove", "path": f"{_ENTERPRISE}:manager"}])
                continue
            if self.okta:
                user = self._user(one)
                user[_ENTERPRISE]["manager"] = {"value": boss["id"], "displayName": boss.get("displayName", "")}
                self.ask("PUT", f"/Users/{known['id']}", {**user, "id": known["id"]})
            else:
                self._patch(known, [{"op": "Add", "path": f"{_ENTERPRISE}:manager", "value": boss["id"]}])

    def _move(self, one: dict[str, Any]) -> None:
        known = self._found(one)
        if known is None:
            return
        moved = {**one, "unit": "Moved by the directory"}
        if self.okta:
            self.ask("PUT", f"/Users/{known['id']}", {**self._user(moved), "id": known["id"]})
        else:
            self._patch(known, [{"op": "Replace", "value": {f"{_ENTERPRISE}:department": moved["unit"]}}])

    def _deactivate(self, one: dict[str, Any]) -> None:
        known = self._found(one)
        if known is not None:
            self._patch(
                known,
                [{"op": "replace", "value": {"active": False}}]
                if self.okta
                else [{"op": "Replace", "path": "active", "value": "False"}],
            )

    def _group(self, people: list[dict[str, Any]]) -> None:
        found = [known for one in people if (known := self._found(one)) is not None]
        members = [{"value": one["id"], "display": one.get("displayName", "")} for one in found]
        name = "First aiders"
        known = self.ask("GET", "/Groups", filter=f'displayName eq "{name}"').get("Resources")
        schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"]
        fresh = {"schemas": schemas, "displayName": name, "members": []}
        group = known[0] if known else self.ask("POST", "/Groups", fresh)
        operation = {"op": "add" if self.okta else "Add", "path": "members", "value": members}
        self.ask("PATCH", f"/Groups/{group['id']}", {"schemas": [_PATCH], "Operations": [operation]})
