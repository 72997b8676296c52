"""What a process carries around: built once in the composition root and handed to the rooms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from config.settings import Settings
from plugin.core.clock import Clock, parse_instant
from plugin.core.db import Database
from plugin.core.secrets import SecretBox, bind_secrets

if TYPE_CHECKING:
    from plugin.core.network.http import Outbound


@dataclass(frozen=True)
class Runtime:
    """The collaborators of every use case.

    :ivar nudge: called after a commit with the name of a job that may have something to do; may be lost.
    """

    settings: Settings
    db: Database
    clock: Clock

    @cached_property
    def secrets(self) -> SecretBox:
        """Seals and opens secrets at rest; also signs one-use addresses."""
        return SecretBox(self.settings.secret_keys)

    @cached_property
    def http(self) -> Outbound:
        """The one guarded way out; what it needs is imported when something first goes out."""
        from plugin.core.network.http import Outbound

        return Outbound(allow_private=self.settings.allow_private_addresses)


def build_runtime(settings: Settings) -> Runtime:
    """Open what the settings name. Nothing is connected to yet."""
    bind_secrets(settings.secret_keys)
    fixed = parse_instant(settings.now) if settings.now else None
    return Runtime(settings, _database(settings), Clock(fixed))


def _database(settings: Settings) -> Database:
    return Database(settings.database_url, pooler=settings.database_pooler, row_security=settings.row_security)
