"""The small host of the pages, for tests of rights."""

from tests.web.conftest import app, settle, visit, world

__all__ = ["app", "settle", "visit", "world"]
