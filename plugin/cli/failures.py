"""What went wrong, in a sentence, when an error of a library or of the settings ends a command."""

from __future__ import annotations

from sqlalchemy.exc import DataError, DBAPIError, OperationalError, ProgrammingError

from config.settings import SettingsError


def explained(error: Exception) -> tuple[str, int] | None:
    """The sentence and the exit status; nothing for an error that is a fault of ours."""
    if isinstance(error, SettingsError):
        return str(error), 2
    if isinstance(error, UnicodeEncodeError | OverflowError | DataError):
        return "An argument holds text or a number that cannot be kept.", 2
    if isinstance(error, EOFError):
        return "Nothing is saved: there was no answer.", 1
    if isinstance(error, ProgrammingError):
        return f"The database is not ready: run 'muster db upgrade' first ({type(error.orig).__name__}).", 3
    if not isinstance(error, DBAPIError):
        return None
    if "no such table" in str(error.orig):
        return "The database is empty: run 'muster db upgrade' first.", 3
    if isinstance(error, OperationalError):
        return "The database cannot be reached.", 3
    return f"The database cannot be used ({type(error.orig).__name__}).", 3
