"""Settings: read once from the environment, validated, frozen.

Every setting is documented in ``config/example.env``; a test compares the two.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from environs import Env, EnvError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

_QUEUES = ("sqlite:///", "redis://", "rediss://", "postgres://", "postgresql://")
_MOST = 1_000_000_000
_DEVELOPMENT_KEY = "development-only-key"


class SettingsError(ValueError):
    """A setting is missing, malformed or contradicts another. The text is a sentence for the operator."""


@dataclass(frozen=True)
class Settings:
    """All settings. Durations are seconds, sizes are bytes or counts, as each name says."""

    environment: str
    database_url: str
    database_pooler: bool
    database_owner_url: str
    row_security: bool
    queue_url: str
    base_url: str
    secret_keys: tuple[str, ...]
    smtp_url: str | None
    mail_from: str
    mail_domains: tuple[str, ...]
    now: str | None
    port: int
    allow_private_addresses: bool
    proxy_hops: int
    metrics_token: str | None
    log_json: bool
    guard_count: int
    guard_percent: int
    guard_least: int
    message_cap: int
    traces: str

    @property
    def development(self) -> bool:
        """True on a developer's machine: plain HTTP, private addresses and ``MUSTER_NOW`` are allowed."""
        return self.environment == "development"

    @property
    def sqlite(self) -> bool:
        """True when the database is a SQLite file."""
        return self.database_url.startswith("sqlite")


def _normal_url(url: str) -> str:
    """Hosting platforms hand out ``postgres://`` addresses; SQLAlchemy wants the driver named."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def _default_database() -> str:
    return f"sqlite:///{Path('var/muster.sqlite3').absolute()}"


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    :param environ: variables to read instead of the process environment.
    :raises SettingsError: with a sentence naming the variable.
    """
    env = _MappingEnv(os.environ if environ is None else environ)
    try:
        settings = _read(env)
    except EnvError as error:
        raise SettingsError(str(error)) from error
    _check(settings)
    return settings


class _MappingEnv(Env):
    """An ``Env`` that reads a given mapping, in which an empty value is none (config/example.env)."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__()
        object.__setattr__(self, "mapping", environ)

    def _get_value(self, env_key: str, default: object) -> object:
        return self.mapping.get(env_key, "") or default


def _read(env: Env) -> Settings:
    environment = env.str("MUSTER_ENV", "production")
    development = environment == "development"
    database = _normal_url(env.str("MUSTER_DATABASE_URL", "") or env.str("DATABASE_URL", "") or _default_database())
    owner = _normal_url(env.str("MUSTER_MIGRATION_DATABASE_URL", ""))
    apart = not database.startswith("sqlite") and (not development or bool(owner))
    keys = env.list("MUSTER_SECRET_KEYS", []) or ([_DEVELOPMENT_KEY] if development else [])
    port = env.int("PORT", 8000)
    return Settings(
        environment=environment,
        database_url=database,
        database_pooler=env.bool("MUSTER_DATABASE_POOLER", False),
        database_owner_url=owner,
        row_security=env.bool("MUSTER_ROW_SECURITY", apart),
        queue_url=env.str("MUSTER_QUEUE_URL", ""),
        base_url=env.str("MUSTER_BASE_URL", f"http://localhost:{port}").rstrip("/"),
        secret_keys=tuple(key.strip() for key in keys if key.strip()),
        smtp_url=env.str("MUSTER_SMTP_URL", "") or None,
        mail_from=env.str("MUSTER_MAIL_FROM", "muster@localhost"),
        mail_domains=tuple(env.str("MUSTER_MAIL_DOMAINS", "").lower().replace(",", " ").split()),
        now=env.str("MUSTER_NOW", "") or None,
        port=port,
        allow_private_addresses=env.bool("MUSTER_ALLOW_PRIVATE_ADDRESSES", development),
        proxy_hops=env.int("MUSTER_PROXY_HOPS", 0),
        metrics_token=env.str("MUSTER_METRICS_TOKEN", "") or None,
        log_json=env.bool("MUSTER_LOG_JSON", not development),
        guard_count=env.int("MUSTER_GUARD_COUNT", 500),
        guard_percent=env.int("MUSTER_GUARD_PERCENT", 10),
        guard_least=env.int("MUSTER_GUARD_LEAST", 10),
        message_cap=env.int("MUSTER_MESSAGE_CAP", 50_000),
        traces=env.str("MUSTER_TRACES", ""),
    )


def _check(settings: Settings) -> None:
    if settings.environment not in ("development", "production"):
        raise SettingsError("MUSTER_ENV is 'development' or 'production'.")
    if not settings.secret_keys:
        raise SettingsError("Set MUSTER_SECRET_KEYS: one or more secrets, comma separated; the first one signs.")
    _check_keys(settings)
    parts = _parts(settings.base_url)
    whole = parts is None or parts.query or parts.fragment or any(letter <= " " for letter in settings.base_url)
    if parts is None or whole or parts.scheme not in ("http", "https") or not parts.netloc:
        raise SettingsError("MUSTER_BASE_URL is the public address of Muster, such as https://muster.example.org.")
    if parts.scheme == "http" and not settings.development:
        raise SettingsError("MUSTER_BASE_URL must start with https:// outside development.")
    if settings.now and not settings.development:
        raise SettingsError("MUSTER_NOW is only read in development (MUSTER_ENV=development).")
    _check_databases(settings)
    _check_traces(settings.traces)
    _check_numbers(settings)


def _check_keys(settings: Settings) -> None:
    """Secrets that somebody could guess open every session and every sealed secret."""
    if _DEVELOPMENT_KEY in settings.secret_keys and (
        not settings.development or settings.base_url.lower().startswith("https://")
    ):
        raise SettingsError("Set MUSTER_SECRET_KEYS: an address that begins with https:// is no developer's machine.")
    if settings.development:
        return
    for key in settings.secret_keys:
        if len(key) < 24:
            raise SettingsError("Each secret in MUSTER_SECRET_KEYS needs at least 24 characters.")
        if len(set(key)) < 10 or _repeats(key):
            raise SettingsError(
                "A secret in MUSTER_SECRET_KEYS can be guessed. Make one with: python -c 'import secrets;"
                " print(secrets.token_urlsafe(32))'."
            )


def _repeats(key: str) -> bool:
    """Whether a short piece makes up all of it, or each character follows from the one before."""
    if any(key == (key[:size] * (len(key) // size + 1))[: len(key)] for size in range(1, len(key) // 2 + 1)):
        return True
    steps = {ord(after) - ord(before) for before, after in pairwise(key)}
    return len(steps) == 1


def _parts(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        return parts if parts.port != 0 else None
    except ValueError:
        return None


def _check_databases(settings: Settings) -> None:
    try:
        url = make_url(settings.database_url)
        fits = bool(url.database) if settings.sqlite else url.drivername == "postgresql+psycopg"
    except (ArgumentError, ValueError):
        fits = False
    if not fits:
        raise SettingsError("MUSTER_DATABASE_URL is sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.")
    _check_row_security(settings)
    if settings.queue_url and not settings.queue_url.startswith(_QUEUES):
        raise SettingsError("MUSTER_QUEUE_URL is empty, sqlite:///FILE, redis://HOST or postgresql://HOST/NAME.")
    if settings.smtp_url is not None:
        parts = _parts(settings.smtp_url)
        if parts is None or parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise SettingsError(
                "MUSTER_SMTP_URL is smtp://USER:PASSWORD@HOST:587, or smtps:// for a server that begins with TLS."
            )


def _check_row_security(settings: Settings) -> None:
    owner = settings.database_owner_url
    if owner:
        try:
            fits = make_url(owner).drivername == "postgresql+psycopg" and not settings.sqlite
        except (ArgumentError, ValueError):
            fits = False
        if not fits:
            raise SettingsError(
                "MUSTER_MIGRATION_DATABASE_URL is postgresql://USER:PASSWORD@HOST/NAME: the database of MUSTER_DATABASE_URL."
            )
    if settings.row_security and settings.sqlite:
        raise SettingsError("MUSTER_ROW_SECURITY needs PostgreSQL: SQLite knows no rows that are kept from anybody.")


def _check_traces(address: str) -> None:
    parts = _parts(address)
    syslog = parts is not None and parts.scheme in ("syslog", "syslog+tcp") and bool(parts.hostname)
    if address not in ("", "stdout") and not syslog:
        raise SettingsError("MUSTER_TRACES is empty, stdout, syslog://HOST:514 or syslog+tcp://HOST:514.")


def _check_numbers(settings: Settings) -> None:
    for name, value, least, most in (
        ("PORT", settings.port, 1, 65_535),
        ("MUSTER_PROXY_HOPS", settings.proxy_hops, 0, 20),
        ("MUSTER_GUARD_COUNT", settings.guard_count, 0, _MOST),
        ("MUSTER_GUARD_PERCENT", settings.guard_percent, 0, 100),
        ("MUSTER_GUARD_LEAST", settings.guard_least, 0, _MOST),
        ("MUSTER_MESSAGE_CAP", settings.message_cap, 0, _MOST),
    ):
        if not least <= value <= most:
            raise SettingsError(f"{name} is a number from {least} to {most}, not {value}.")
