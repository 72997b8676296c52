"""What Entra and Okta really send is accepted, and read back as it was written (SOURCES 5.2, hosts 6.3, 6.4, 6.7)."""

from __future__ import annotations

from typing import Any

import pytest

from plugin.access.tokens import RequestedToken, TokenOwner
from plugin.access.tokens import make_token as make_api_token
from plugin.mirror.sources.managing.setup import set_paused
from tests.scim.conftest import CORE, ENTERPRISE, GROUP, PATCH, Directory
from tests.world import HOST, World


def entra(name: str) -> dict[str, Any]:
    return {
        "schemas": [CORE, ENTERPRISE], "externalId": f"e-{name}", "userName": name, "active": True, "roles": [],
        "emails": [{"primary": True, "type": "work", "value": f"{name}"}], "meta": {"resourceType": "User"},
        "name": {"formatted": "A B", "familyName": "B", "givenName": "A"},
    }  # fmt: skip


def test_a_user_is_read_back_as_she_was_written_changed_and_removed(directory: Directory) -> None:
    made = directory.send("POST", "/Users", entra("ann@corp.local"))
    assert made.status_code == 201
    assert made.content_type == "application/scim+json"
    body = made.get_json(force=True)
    assert made.headers["Location"] == body["meta"]["location"]
    assert made.headers["Location"].endswith(f"/scim/v2/dir/Users/{body['id']}")
    found = directory.ask("GET", f"/Users/{body['id']}")
    assert found["emails"] == [{"primary": True, "type": "work", "value": "ann@corp.local"}]
    assert found["name"]["familyName"] == "B"
    assert found["externalId"] == "e-ann@corp.local"
    body |= {"title": "Clerk", "groups": [], "password": "secret"}
    assert directory.ask("PUT", f"/Users/{body['id']}", body)["title"] == "Clerk"
    assert "secret" not in directory.send("GET", f"/Users/{body['id']}").text
    directory.ask("DELETE", f"/Users/{body['id']}", status=204)
    directory.ask("GET", f"/Users/{body['id']}", status=404)
    assert directory.identities() == {}


def test_an_address_and_a_name_beside_a_reference_are_accepted_in_every_request(directory: Directory) -> None:
    boss = directory.ask("POST", "/Users", entra("ann@corp.local"), 201)["id"]
    manager = {"value": boss, "$ref": f"../Users/{boss}", "displayName": "Ann"}
    bea = entra("bea@corp.local") | {ENTERPRISE: {"manager": manager}}
    made = directory.ask("POST", "/Users", bea, 201)
    assert made[ENTERPRISE]["manager"]["value"] == boss
    assert directory.ask("PUT", f"/Users/{made['id']}", bea)[ENTERPRISE]["manager"]["value"] == boss
    for operation in (
        {"op": "add", "path": f"{ENTERPRISE}:manager", "value": manager},
        {"op": "Replace", "path": f"{ENTERPRISE}:manager", "value": [manager]},
        {"op": "replace", "value": {f"{ENTERPRISE}:manager": manager}},
        {"op": "replace", "value": {ENTERPRISE: {"manager": manager}}},
    ):
        change = {"schemas": [PATCH], "Operations": [operation]}
        assert directory.ask("PATCH", f"/Users/{made['id']}", change)[ENTERPRISE]["manager"]["value"] == boss
    none = {"schemas": [PATCH], "Operations": [{"op": "Replace", "path": f"{ENTERPRISE}:manager", "value": []}]}
    assert "[]" not in str(directory.ask("PATCH", f"/Users/{made['id']}", none)[ENTERPRISE])
    directory.ask("PUT", f"/Users/{made['id']}", bea)
    members = [{"value": boss, "$ref": f"../Users/{boss}"}, {"value": made["id"], "$ref": None}]
    group = {"schemas": [GROUP], "displayName": "Staff", "members": members}
    found = directory.ask("POST", "/Groups", group, 201)
    assert {one["value"] for one in found["members"]} == {boss, made["id"]}


def test_an_empty_name_is_refused_in_every_request_with_a_plain_sentence(directory: Directory) -> None:
    ann = directory.ask("POST", "/Users", entra("ann@corp.local"), 201)
    staff = directory.ask("POST", "/Groups", {"schemas": [GROUP], "displayName": "Staff"}, 201)
    blank = {"op": "replace", "path": "userName", "value": ""}
    for method, path, body in (
        ("POST", "/Users", {"schemas": [CORE], "userName": " "}),
        ("PUT", f"/Users/{ann['id']}", {"schemas": [CORE], "userName": ""}),
        ("PATCH", f"/Users/{ann['id']}", {"schemas": [PATCH], "Operations": [blank]}),
        ("POST", "/Groups", {"schemas": [GROUP], "displayName": ""}),
        ("PUT", f"/Groups/{staff['id']}", {"schemas": [GROUP], "displayName": " "}),
    ):
        refused = directory.ask(method, path, body, 400)
        assert refused["scimType"] == "invalidValue", (method, path)
        assert "Name is needed" in refused["detail"], (method, path)
    assert directory.ask("GET", f"/Users/{ann['id']}")["userName"] == "ann@corp.local"
    wrong = {"schemas": [PATCH], "Operations": [{"op": "add", "path": "photos", "value": [{"value": "no address"}]}]}
    answer = directory.send("PATCH", f"/Users/{ann['id']}", wrong)
    assert "pydantic" not in answer.text
    assert "validation error" not in answer.text


def test_a_user_name_is_taken_in_whatever_case(directory: Directory) -> None:
    directory.ask("POST", "/Users", entra("ann@corp.local"), 201)
    refused = directory.ask("POST", "/Users", {"schemas": [CORE], "userName": "ANN@corp.local"}, 409)
    assert refused["scimType"] == "uniqueness"
    assert refused["status"] == "409"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('userName eq "ANN@corp.local"', ["ann"]),
        ('externalId eq "e-bea@corp.local"', ["bea"]),
        ('externalId eq "E-bea@corp.local"', []),
        ('emails[type eq "work"].value eq "cid@corp.local"', ["cid"]),
        ('userName sw "a" or userName sw "b"', ["ann", "bea"]),
        ('not (userName sw "a")', ["bea", "cid"]),
        ("title pr", []),
        ('meta.lastModified gt "2000-01-01T00:00:00Z"', ["ann", "bea", "cid"]),
        ('active eq true and userName ew ".local"', ["ann", "bea", "cid"]),
    ],
)
def test_filters_find_whom_they_mean(directory: Directory, query: str, found: list[str]) -> None:
    for name in ("ann", "bea", "cid"):
        directory.ask("POST", "/Users", entra(f"{name}@corp.local"), 201)
    got = directory.send("GET", "/Users?" + _query(filter=query)).get_json(force=True)
    assert sorted(one["userName"].partition("@")[0] for one in got.get("Resources", ())) == found
    assert got["totalResults"] == len(found)
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": query}
    assert directory.ask("POST", "/Users/.search", body)["totalResults"] == len(found)


def _query(**values: str) -> str:
    from urllib.parse import urlencode

    return urlencode(values)


def test_lists_come_in_pages_of_a_stable_order_by_index_and_by_cursor(directory: Directory) -> None:
    for number in range(7):
        directory.ask("POST", "/Users", entra(f"u{number}@x.local"), 201)
    seen: list[str] = []
    for start in (1, 4, 7):
        page = directory.ask("GET", f"/Users?startIndex={start}&count=3")
        assert page["totalResults"] == 7
        seen += [one["id"] for one in page["Resources"]]
    assert len(set(seen)) == 7
    named = directory.ask("GET", "/Users?sortBy=userName&sortOrder=descending&attributes=userName")["Resources"]
    assert [one["userName"][:2] for one in named] == ["u6", "u5", "u4", "u3", "u2", "u1", "u0"]
    assert all("emails" not in one for one in named)
    cursor, walked = "", []
    for _page in range(4):
        page = directory.ask("GET", "/Users?" + _query(cursor=cursor, count="3"))
        walked += [one["id"] for one in page["Resources"]]
        cursor = page.get("nextCursor", "")
        if not cursor:
            break
    assert sorted(walked) == sorted(seen)


PATCHES: list[tuple[list[dict[str, Any]], dict[str, Any]]] = [
    ([{"op": "Replace", "path": "active", "value": "False"}], {"active": False}),
    ([{"op": "replace", "value": {"active": False}}], {"active": False}),
    ([{"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "m-1"}], {"manager": "m-1"}),
    ([{"op": "Add", "path": f"{ENTERPRISE}:manager", "value": {"value": "m-1"}}], {"manager": "m-1"}),
    ([{"op": "Add", "path": f"{ENTERPRISE}:manager", "value": [{"$ref": None, "value": "m-1"}]}], {"manager": "m-1"}),
    (
        [
            {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "m-1"},
            {"op": "Remove", "path": f"{ENTERPRISE}:manager"},
        ],
        {"manager": None},
    ),
    (
        [{"op": "replace", "value": {"displayName": "B", "name.givenName": "K", f"{ENTERPRISE}:department": "Sales"}}],
        {"given": "K", "department": "Sales", "display": "B"},
    ),
    ([{"op": "replace", "value": {f"{ENTERPRISE}:manager": "m-2"}}], {"manager": "m-2"}),
    ([{"op": "Replace", "path": 'emails[type eq "work"].value', "value": "n@x.local"}], {"work": "n@x.local"}),
    ([{"op": "Add", "path": 'addresses[type eq "work"].country', "value": "NZ"}], {"country": "NZ"}),
]


@pytest.mark.parametrize(("operations", "expected"), PATCHES)
def test_a_user_is_patched_as_directories_do(
    directory: Directory, operations: list[dict[str, Any]], expected: dict[str, Any]
) -> None:
    ident = directory.ask("POST", "/Users", entra("ann@corp.local"), 201)["id"]
    directory.patch(f"/Users/{ident}", *operations)
    got = directory.ask("GET", f"/Users/{ident}")
    extension = got.get(ENTERPRISE) or {}
    values = {
        "active": got["active"], "manager": (extension.get("manager") or {}).get("value"), "given": got["name"]["givenName"],
        "department": extension.get("department"), "display": got.get("displayName"),
        "work": next(iter(got.get("emails") or [{}])).get("value"),
        "country": next(iter(got.get("addresses") or [{}])).get("country"),
    }  # fmt: skip
    assert {name: values[name] for name in expected} == expected


@pytest.mark.parametrize(
    "schema", [[GROUP], [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"]]
)
def test_a_group_and_its_members_in_every_shape(directory: Directory, schema: list[str]) -> None:
    ann, bea = (directory.user(f"{name}@corp.local")["id"] for name in ("ann", "bea"))
    body = {"schemas": schema, "externalId": "g1", "displayName": "First aid", "meta": {"resourceType": "Group"}}
    group = directory.ask("POST", "/Groups", body | {"members": None}, 201)["id"]

    def members() -> list[str]:
        return sorted(one["value"] for one in directory.ask("GET", f"/Groups/{group}").get("members") or ())

    both = [{"$ref": None, "value": ann}, {"$ref": None, "value": bea}]
    directory.patch(f"/Groups/{group}", {"op": "Add", "path": "members", "value": both}, status=204)
    assert members() == sorted([ann, bea])
    directory.patch(f"/Groups/{group}", {"op": "Remove", "path": "members", "value": [{"value": ann}]}, status=204)
    assert members() == [bea]
    directory.patch(f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{bea}"]'}, status=204)
    assert members() == []
    directory.patch(
        f"/Groups/{group}", {"op": "replace", "value": {"id": group, "displayName": "Aid"}},
        {"op": "replace", "path": "members", "value": [{"value": ann, "display": "Ann"}]}, status=204,
    )  # fmt: skip
    assert members() == [ann]
    without = directory.ask("GET", f"/Groups/{group}?excludedAttributes=members")
    assert without["displayName"] == "Aid"
    assert "members" not in without
    listed = directory.ask("GET", "/Groups?" + _query(filter='displayName eq "aid"', excludedAttributes="members"))
    assert listed["totalResults"] == 1
    directory.ask("DELETE", f"/Groups/{group}", status=204)
    directory.ask("GET", f"/Groups/{group}", status=404)


def test_a_version_guards_a_write(directory: Directory) -> None:
    made = directory.send("POST", "/Users", entra("ann@corp.local"))
    path, version = f"/Users/{made.get_json(force=True)['id']}", made.headers["ETag"]
    assert directory.send("GET", path, If_None_Match=version).status_code == 304
    changed = directory.send("PUT", path, entra("ann@corp.local") | {"title": "x"}, If_Match=version)
    assert changed.status_code == 200
    assert changed.headers["ETag"] != version
    assert directory.send("PUT", path, entra("ann@corp.local"), If_Match=version).status_code == 412
    assert directory.send("DELETE", path, If_Match=version).status_code == 412


def test_what_is_offered_is_said(directory: Directory) -> None:
    config = directory.ask("GET", "/ServiceProviderConfig")
    assert not config["bulk"]["supported"]
    assert config["patch"]["supported"]
    assert config["filter"]["supported"]
    assert config["pagination"]["cursor"]
    assert {one["id"] for one in directory.ask("GET", "/ResourceTypes")["Resources"]} == {"User", "Group"}
    assert ENTERPRISE in {one["id"] for one in directory.ask("GET", "/Schemas")["Resources"]}
    assert directory.send("POST", "/Bulk", {"schemas": [], "Operations": []}).status_code in (404, 501)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/Users?filter=userName%20zz%20%22a%22", None, 400), ("GET", "/Nothing", None, 404),
        ("DELETE", "/Users", None, 405), ("GET", "/Users/none", None, 404), ("POST", "/Users", b"{", 400),
        ("POST", "/Users", b"[]", 400), ("POST", "/Users", b"[" * 99 + b"]" * 99, 400),
        ("POST", "/Users", {"schemas": [CORE]}, 400),
        ("POST", "/Users", {"schemas": [CORE], "userName": "a\x00b"}, 400),
        ("POST", "/Users", b'{"schemas": ["' + CORE.encode() + b'"], "userName": "\xff"}', 400),
    ],
)  # fmt: skip
def test_refusals_have_the_shape_of_the_standard(
    directory: Directory, method: str, path: str, body: Any, status: int
) -> None:
    answer = directory.send(method, path, body)
    assert answer.status_code == status
    assert answer.content_type == "application/scim+json"
    said = answer.get_json(force=True)
    assert said["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert said["status"] == str(status)
    assert said["detail"]
    if body in (b"{", b"[]"):
        assert said["scimType"] == "invalidSyntax"


def test_only_the_sources_own_token_or_one_for_directories_opens_it(directory: Directory, world: World) -> None:
    with world.runtime.db.write() as session:
        tokens = {
            scope: make_api_token(
                session, HOST, RequestedToken(scope, (scope,)), owner=TokenOwner(), at=world.now, who="t"
            )
            for scope in ("scim", "write")
        }
    own = directory.token
    for token, status in ((own, 200), (tokens["scim"], 200), (tokens["write"], 403), ("", 401), (own + "x", 401)):
        directory.token = token
        answer = directory.send("GET", "/Users")
        assert answer.status_code == status, token
        assert answer.content_type == "application/scim+json"
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    answer = directory.client.get("/scim/v2/other/Users", headers={"Authorization": f"Bearer {own}"})
    assert answer.status_code == 401
    answer = directory.client.get("/scim/v2/other/Users", headers={"Authorization": f"Bearer {tokens['scim']}"})
    assert answer.status_code == 404
    assert answer.content_type == "application/scim+json"


def test_a_paused_source_refuses_writes_for_the_time_being(directory: Directory, world: World) -> None:
    with world.runtime.db.write() as session:
        set_paused(session, HOST, "dir", paused=True, at=world.now, who="t")
    directory.ask("POST", "/Users", entra("ann@corp.local"), 503)
    directory.ask("GET", "/Users")
