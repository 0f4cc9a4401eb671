"""Carries messages between a program and its checker: JSON and its length, over two pipes.

This file imports nothing of steadycode, since the worker, which must stay light, loads it.
"""

import json
import os
import struct
from typing import Any

MESSAGE_LIMIT = 64 << 20  # bytes

_read, _write = os.read, os.write  # kept here, since a program may replace the module's
_dumps = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode
_loads = json.JSONDecoder().raw_decode
_AHEAD = 1 << 13  # bytes that are read at once, which is the whole of most messages

Message = dict[str, Any]


class Gone(BaseException):
    """The other side has closed its pipe, or has sent what is not a message."""


class TooMuch(Gone):
    """The other side has sent more than is carried, as an honest program may."""


class Channel:
    """One side's ends of the two pipes."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd, self._write_fd = read_fd, write_fd
        self._heard = bytearray()

    def send(self, message: Message) -> None:
        body = _dumps(message).encode()  # ASCII: carries lone surrogates too
        data = memoryview(struct.pack(">I", len(body)) + body)
        try:
            while data:
                data = data[_write(self._write_fd, data) :]
        except OSError as error:
            raise Gone from error

    def receive(self) -> Message:
        (size,) = struct.unpack(">I", self._exactly(4))
        if size > MESSAGE_LIMIT:
            raise TooMuch(f"sends more than {MESSAGE_LIMIT >> 20} MiB at once")
        try:
            text = self._exactly(size).decode()
            message, end = _loads(text)
        except RecursionError as error:
            raise TooMuch("sends what is nested too deep") from error
        except ValueError as error:
            raise Gone("sends what is not a message") from error
        if not isinstance(message, dict) or end != len(text):
            raise Gone("sends what is not a message")
        return message

    def _exactly(self, size: int) -> bytes:
        heard = self._heard
        while len(heard) < size:
            try:
                chunk = _read(self._read_fd, max(size - len(heard), _AHEAD))
            except OSError as error:
                raise Gone from error
            if not chunk:
                raise Gone
            heard += chunk
        data = bytes(memoryview(heard)[:size])
        del heard[:size]
        return data
