"""A real OpenSSH server on a port of this machine, for one test: a folder of files, reached with a key of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized
StrictModes no
UsePAM no
PasswordAuthentication yes
PermitRootLogin yes
Subsystem sftp internal-sftp
LogLevel ERROR
"""


def program() -> str:
    """Where the server's program is; where it is missing, it is installed if this process may do that."""
    found = _found()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}
        subprocess.run(["apt-get", "update", "-qq"], timeout=300, **quiet)  # type: ignore[call-overload]
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "openssh-server"], timeout=300,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, **quiet,
        )  # type: ignore[call-overload] # fmt: skip
        found = _found()
    if found is None and os.environ.get("CI"):
        pytest.fail("OpenSSH's server is not installed, and in CI nothing is skipped: install openssh-server.")
    if found is None:
        pytest.skip("OpenSSH's server is not installed here (Debian: apt install openssh-server).")
    return found


def _found() -> str | None:
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def key_pair(path: Path, kind: str = "ed25519", passphrase: str = "") -> str:
    """Make a key at ``path``; returns the private one as text."""
    path.unlink(missing_ok=True)
    made = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path)]
    subprocess.run(made, check=True, timeout=60, stdin=subprocess.DEVNULL)
    return path.read_text(encoding="utf-8")


class Server:
    """The server's own folder, and the folder ``export`` it serves."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.export = folder, folder / "export"
        self.export.mkdir(parents=True)
        self.program = program()
        with socket.socket() as line:
            line.bind(("127.0.0.1", 0))
            self.port = int(line.getsockname()[1])
        key_pair(folder / "host_key")
        (folder / "config").write_text(CONFIG.format(port=self.port, folder=folder), encoding="utf-8")
        (folder / "authorized").write_text("", encoding="utf-8")

    @property
    def url(self) -> str:
        return f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{self.export}"

    def let_in(self, kind: str = "ed25519", passphrase: str = "") -> str:
        """A key that opens the server."""
        secret = key_pair(self.folder / f"user_{kind}", kind, passphrase)
        with (self.folder / "authorized").open("a", encoding="utf-8") as known:
            known.write((self.folder / f"user_{kind}.pub").read_text(encoding="utf-8"))
        return secret

    @contextmanager
    def running(self) -> Iterator[None]:
        """While it listens."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it confines itself before anybody signed in
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen([self.program, "-D", "-e", "-f", str(self.folder / "config")], stderr=log)
        try:
            self._wait(process)
            yield
        finally:
            process.terminate()
            process.wait(10)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        for _try in range(100):
            assert process.poll() is None, (self.folder / "log").read_text(encoding="utf-8")
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.05)
        raise AssertionError("the server does not listen")


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[Server]:
    """A server that runs for one test."""
    made = Server(tmp_path / "ssh")
    with made.running():
        yield made
