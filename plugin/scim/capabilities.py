"""What our SCIM offers: its models, its configuration, how much it tolerates (RFC 7643, 7644, 9865)."""

from __future__ import annotations

from typing import Annotated, Any

import scim2_models
from pydantic import Field
from scim2_models import (
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ETag,
    Filter,
    Group,
    Pagination,
    Patch,
    Reference,
    ResourceType,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
)

MOST = 1000
"""Resources of one page."""
_LIVES = 3600
"""Seconds a cursor is good for."""


class Email(scim2_models.Email):
    """An address as the directory has it: those of inner domains (``.local``) are refused by nobody here."""

    value: str | None = None


class User(scim2_models.User[Any]):
    """A user, with addresses as they are."""

    emails: list[Email] | None = None  # type: ignore[assignment]  # addresses of our own kind


class Manager(scim2_models.Manager):
    """A manager as directories write her: by a value alone."""

    value: Annotated[str | None, CaseExact.true] = None
    ref: Reference[Any] | None = Field(None, serialization_alias="$ref", validation_alias="$ref")


class EnterpriseUser(scim2_models.EnterpriseUser):
    """The enterprise extension, with managers by a value alone."""

    manager: Manager | None = None


def provider() -> ScimProvider:
    """The resource types, and what is announced."""
    return ScimProvider(
        models=[User, EnterpriseUser, Group],
        resource_types=[
            ResourceType.from_resource(User[EnterpriseUser]),  # type: ignore[misc]  # types made at run time
            ResourceType.from_resource(Group),
        ],
        config=_config(),
        policy=ScimPolicy(
            unknown=ScimPolicy.Unknown.ignore, remove_value_as_filter=ScimPolicy.RemoveValue.apply,
            unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
        ),
    )  # fmt: skip


def _config() -> ServiceProviderConfig:
    scheme = AuthenticationScheme(
        type=AuthenticationScheme.Type.oauthbearertoken, name="Bearer token",
        description="A token of this source: muster source token NAME.", primary=True,
    )  # fmt: skip
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MOST),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=True),
        etag=ETag(supported=True),
        pagination=Pagination(
            cursor=True, index=True, default_pagination_method=Pagination.DefaultPaginationMethod.index,
            default_page_size=100, max_page_size=MOST, cursor_timeout=_LIVES,
        ),
        authentication_schemes=[scheme],
    )  # fmt: skip
