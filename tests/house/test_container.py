"""The container files: linted, and true to what the settings, the proxy and the Procfile say."""

from __future__ import annotations

import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.settings import read_settings

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
OURS = ("web", "worker", "release")


def test_the_container_linter_finds_nothing() -> None:
    done = subprocess.run(
        [BIN / "hadolint", "--failure-threshold", "style", ROOT / "Dockerfile"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "path"),
    [("vendor.compose-spec", "compose.yaml"), ("vendor.github-workflows", ".github/workflows/ci.yml")],
)
def test_what_other_programs_read_has_the_shape_they_expect(schema: str, path: str) -> None:
    command = [BIN / "check-jsonschema", "--builtin-schema", schema, ROOT / path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_of_ours_runs_as_root_or_writes_beside_its_data() -> None:
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert "/healthz" in DOCKERFILE.partition("HEALTHCHECK")[2]
    for name in OURS:
        service = COMPOSE["services"][name]
        assert (service["read_only"], service["tmpfs"], service["cap_drop"]) == (True, ["/tmp"], ["ALL"]), name


def test_the_image_holds_what_the_build_copies() -> None:
    copied = {
        word for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()
    }
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


def test_the_settings_that_compose_gives_are_settings_and_are_accepted() -> None:
    documented = set(re.findall(r"^([A-Z_]+)=", (ROOT / "config" / "example.env").read_text(), re.MULTILINE))
    given = COMPOSE["services"]["web"]["environment"]
    assert set(given) <= documented
    of_operator = {
        "MUSTER_BASE_URL": "https://muster.example.org",
        "MUSTER_SECRET_KEYS": secrets.token_urlsafe(32),
        "POSTGRES_PASSWORD": "pw",
        "MUSTER_DATABASE_PASSWORD": "app",
    }
    settings = read_settings({name: _interpolated(str(value), of_operator) for name, value in given.items()})
    assert (settings.environment, settings.proxy_hops, settings.smtp_url) == ("production", 1, None)
    assert settings.database_url == "postgresql+psycopg://muster_app:app@database/muster"
    assert settings.queue_url == "postgresql://muster_app:app@database/muster_queue"
    assert settings.row_security
    owner = COMPOSE["services"]["release"]["environment"]["MUSTER_MIGRATION_DATABASE_URL"]
    assert _interpolated(owner, of_operator) == "postgresql://muster:pw@database/muster"


def _interpolated(text: str, values: dict[str, str]) -> str:
    """``${NAME}``, ``${NAME:-default}`` and ``${NAME:?why}``, the inner ones first, as Compose does."""
    pattern = re.compile(r"\$\{(\w+)(?::([-?])([^${}]*))?\}")
    while found := pattern.search(text):
        name, how, rest = found.groups()
        assert name in values or how == "-", name
        text = text[: found.start()] + values.get(name, rest or "") + text[found.end() :]
    return text


def test_services_wait_for_services_and_the_proxy_reaches_the_web_process() -> None:
    services = COMPOSE["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
    proxy = (ROOT / "config" / "nginx.conf").read_text(encoding="utf-8")
    assert re.findall(r"proxy_pass http://(\w+):(\d+);", proxy) == [("web", "8000")]
    assert "proxy_buffering on;" in proxy
    assert "proxy_request_buffering on;" in proxy
    assert services["redis"]["profiles"] == ["redis"]


def test_pre_commit_calls_tools_that_are_installed_for_tests_anyway() -> None:
    written = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repo in written["repos"] for hook in repo["hooks"]]
    assert [repo["repo"] for repo in written["repos"]] == ["local"]
    for hook in hooks:
        program = hook["entry"].split()[0]
        assert program.startswith(".venv/bin/"), hook["id"]
        assert (BIN / Path(program).name).exists(), hook["id"]


def test_the_workflow_runs_what_everybody_runs() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    steps = workflow["jobs"]["test"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == ["bash .ci/run"]
