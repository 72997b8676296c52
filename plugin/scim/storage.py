"""The resources of one source, as the library's handler reads and writes them; one request is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from scim2_models import (
    InvalidValueException,
    Meta,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    ScimProvider,
    SearchRequest,
    UniquenessException,
)
from scim2_models.path import CompareOperator, Comparison
from scim2_server.memory import InMemoryStorage
from scim2_server.storage import ScimStorage, SearchPage
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.core.text.texts import fold
from plugin.mirror.sources.directory import writing
from plugin.mirror.sources.directory.tables import GROUP, USER, DirectoryResource
from plugin.mirror.sources.directory.writing import Times
from plugin.mirror.sources.source import Source

_COLUMNS: Mapping[tuple[str, str], tuple[Any, Callable[[str], str]]] = {
    (USER, "username"): (DirectoryResource.name, fold),
    (GROUP, "displayname"): (DirectoryResource.name, fold),
    (USER, "externalid"): (DirectoryResource.external, str),
    (GROUP, "externalid"): (DirectoryResource.external, str),
}
"""What is looked up by an index where a filter compares nothing else."""


class Storage(ScimStorage):
    """See :class:`scim2_server.storage.ScimStorage` for the methods."""

    supports_cursors: ClassVar[bool] = True  # type: ignore[misc]  # the base class declares it per instance

    def __init__(self, session: Session, source: Source, provider: ScimProvider, times: Times) -> None:
        self._session = session
        self._source = source
        self._provider = provider
        self._times = times

    def get(
        self, resource_type: ResourceType, resource_id: str, *, response_parameters: ResponseParameters[Any] | None = None
    ) -> Resource[Any]:  # fmt: skip
        return self._resource(resource_type, self._row(resource_type, resource_id))

    def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None
    ) -> SearchPage:
        asked = (search_request.filter, search_request.sort_by, search_request.cursor)
        if len(resource_types) == 1 and asked == (None, None, None):
            return self._page(resource_types[0], search_request)
        scratch = InMemoryStorage()
        scratch.resources = [
            self._resource(one, row) for one in resource_types for row in self._candidates(one, search_request)
        ]
        return scratch.search(resource_types, search_request, position=position)

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        document = self._document(resource_type, resource, "")
        row = writing.create(self._session, self._source, str(resource_type.name), document, self._times)
        return self._resource(resource_type, row)

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        row = self._row(resource_type, str(resource.id))
        self._check(row, expected_version)
        document = self._document(resource_type, resource, row.id)
        if document != row.document:
            row = writing.write(self._session, self._source, row, document, self._times)
        return self._resource(resource_type, row)

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        row = self._row(resource_type, resource_id)
        self._check(row, expected_version)
        writing.remove(self._session, self._source, row, self._times)

    # --- rows

    def _here(self, resource_type: ResourceType) -> tuple[Any, ...]:
        return (
            DirectoryResource.host_id == self._source.host_id, DirectoryResource.source == self._source.id,
            DirectoryResource.kind == resource_type.name, DirectoryResource.deleted.is_(False),
        )  # fmt: skip

    def _row(self, resource_type: ResourceType, ident: str) -> DirectoryResource:
        query = select(DirectoryResource).where(*self._here(resource_type), DirectoryResource.id == ident)
        row = self._session.scalars(query).first()
        if row is None:
            raise NotFoundException(detail=f"There is no {resource_type.name} {ident!r}.")
        return row

    def _page(self, resource_type: ResourceType, request: SearchRequest[Any]) -> SearchPage:
        """A part of everything there is, in the order in which they came."""
        here = self._here(resource_type)
        total = int(self._session.scalar(select(func.count()).select_from(DirectoryResource).where(*here)) or 0)
        query = select(DirectoryResource).where(*here).order_by(DirectoryResource.created, DirectoryResource.id)
        query = query.offset(request.start_index_0 or 0).limit(request.count)
        rows = self._session.scalars(query).all() if request.count != 0 else []
        return SearchPage(total, [self._resource(resource_type, row) for row in rows])

    def _candidates(self, resource_type: ResourceType, request: SearchRequest[Any]) -> Sequence[DirectoryResource]:
        query = select(DirectoryResource).where(*self._here(resource_type))
        node = getattr(request.filter, "ast", None)
        if isinstance(node, Comparison) and node.op == CompareOperator.eq and isinstance(node.value, str):
            name = str(node.attr_path).rpartition(":")[2].casefold()
            found = _COLUMNS.get((str(resource_type.name), name))
            if found is not None:
                query = query.where(found[0] == found[1](node.value)[:255])
        return self._session.scalars(query).all()

    # --- between rows and resources

    def _document(self, resource_type: ResourceType, resource: Resource[Any], ident: str) -> dict[str, Any]:
        """What is kept.

        :raises InvalidValueException: for an empty name. :raises UniquenessException: where another user has the name.
        """
        document = resource.model_dump(mode="json")
        for name in ("meta", "password", "groups"):
            document.pop(name, None)
        if ident:
            document["id"] = ident
        called = "userName" if resource_type.name == USER else "displayName"
        name = str(document.get(called) or "")
        if not name.strip():
            raise InvalidValueException(detail=f"{called} is needed, and is empty.")
        if resource_type.name == USER and writing.name_taken(self._session, self._source, name, ident):
            raise UniquenessException(detail=f"There is a user named {name!r} already.")
        return document

    def _resource(self, resource_type: ResourceType, row: DirectoryResource) -> Resource[Any]:
        model: Any = self._provider.model_for(resource_type)
        resource: Resource[Any] = model.model_validate(row.document)
        resource.meta = Meta(
            resource_type=resource_type.name, created=datetime.fromtimestamp(row.created, UTC),
            last_modified=datetime.fromtimestamp(row.modified, UTC), version=_version(row),
        )  # fmt: skip
        return resource

    @staticmethod
    def _check(row: DirectoryResource, expected: str | None) -> None:
        if expected is not None and expected != _version(row):
            raise PreconditionFailedException


def _version(row: DirectoryResource) -> str:
    return f'W/"{row.version}"'
