"""An SFTP server that knows a password, for one test: OpenSSH only knows the passwords of this machine's users."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paramiko


class _Files(paramiko.SFTPServerInterface):
    folder: Path

    def list_folder(self, _path: str) -> Any:
        return [self._of(one) for one in self.folder.iterdir() if one.is_file()]

    def stat(self, path: str) -> Any:
        return self._of(self.folder / path.strip("/"))

    def open(self, path: str, flags: int, _attributes: Any) -> Any:
        handle = paramiko.SFTPHandle(flags)
        handle.readfile = (self.folder / path.strip("/")).open("rb")
        return handle

    @staticmethod
    def _of(path: Path) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(os.stat(path), path.name)


class _Door(paramiko.ServerInterface):
    def __init__(self, user: str, word: str) -> None:
        self._known = (user, word)

    def get_allowed_auths(self, _username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL if (username, password) == self._known else paramiko.AUTH_FAILED

    def check_channel_request(self, _kind: str, _number: int) -> int:
        return paramiko.OPEN_SUCCEEDED


@contextmanager
def password_server(folder: Path, user: str, word: str) -> Iterator[int]:
    """Serve the files of a folder; gives the port."""
    files: Any = type("Files", (_Files,), {"folder": folder})
    key, listening, open_ = paramiko.ECDSAKey.generate(), socket.create_server(("127.0.0.1", 0)), []

    def serve() -> None:
        while True:
            try:
                line, _address = listening.accept()
            except OSError:
                return
            transport = paramiko.Transport(line)
            open_.append(transport)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, files)
            try:
                transport.start_server(server=_Door(user, word))
            except (paramiko.SSHException, EOFError):
                transport.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for one in open_:
            one.close()
        thread.join(5)
