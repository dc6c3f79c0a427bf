"""Requests as ready-made bytes: each server's own way to take a note, a long recording in pieces, and to give one."""

from __future__ import annotations

import http.client
import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from imlab.errors import DoorError

Address = tuple[str, int]
PIECE = 1 << 20  # bytes of a long recording in one request
PATIENCE = 10.0  # seconds
BOUNDARY = b"----imlab7MA4YWxkTrZu0gW"
TUS = b"Tus-Resumable: 1.0.0\r\n"

Build = Callable[[Address, Sequence[bytes]], list[bytes]]  # the requests that bring these bodies, one each


def until_answered(address: Address, log: Path) -> None:
    """Wait until somebody accepts connections; DoorError with the end of its log when nobody does."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            http.client.HTTPConnection(*address, timeout=PATIENCE).connect()
        except ConnectionRefusedError as error:
            if time.monotonic() < end:
                time.sleep(0.01)
                continue
            told = log.read_text()[-500:] if log.exists() else ""
            raise DoorError(f"nobody answers at {address[0]}:{address[1]}: {told}") from error
        return


def put(path: str) -> Build:
    """Whole, by PUT; {} in the path is the number of the body."""

    def build(_address: Address, bodies: Sequence[bytes]) -> list[bytes]:
        return [_request(b"PUT", path.format(n), b"Content-Type: audio/ogg\r\n", body) for n, body in enumerate(bodies)]

    return build


def form(_address: Address, bodies: Sequence[bytes]) -> list[bytes]:
    """The article's multipart form."""
    return [_form("/upload", {"room": "tea", "sender": "ann"}, "file", body) for body in bodies]


def tus(_address: Address, bodies: Sequence[bytes]) -> list[bytes]:
    """tus 1.0, creation with upload."""
    head = TUS + b"Upload-Metadata: " + _metadata() + b"\r\nContent-Type: application/offset+octet-stream\r\n"
    return [_request(b"POST", "/files/", head + b"Upload-Length: %d\r\n" % len(body), body) for body in bodies]


def tus_pieces(address: Address, bodies: Sequence[bytes]) -> list[bytes]:
    """tus 1.0: each body is created now, and the requests bring its pieces in order."""
    return [request for body in bodies for request in _patches(_created(address, len(body)), body)]


def form_pieces(path: str) -> Build:
    """The article's chunked form, part after part."""

    def build(_address: Address, bodies: Sequence[bytes]) -> list[bytes]:
        return [request for number, body in enumerate(bodies) for request in _parts(path, f"recording{number}", body)]

    return build


def put_pieces(_address: Address, bodies: Sequence[bytes]) -> list[bytes]:
    """A file for each piece, and nobody joins them."""
    pieces = [body[start : start + PIECE] for body in bodies for start in range(0, len(body), PIECE)]
    return [_request(b"PUT", f"/{number}", b"", piece) for number, piece in enumerate(pieces)]


def get(paths: Sequence[str], count: int) -> list[bytes]:
    """So many downloads, in turn."""
    return [b"GET " + paths[n % len(paths)].encode() + b" HTTP/1.1\r\nHost: localhost\r\n\r\n" for n in range(count)]


def _request(method: bytes, path: str, headers: bytes, body: bytes) -> bytes:
    first = b"%s %s HTTP/1.1\r\nHost: localhost\r\n" % (method, path.encode())
    return b"%s%sContent-Length: %d\r\n\r\n%s" % (first, headers, len(body), body)


def _form(path: str, fields: dict[str, str], file: str, body: bytes, kind: bytes = b"audio/ogg") -> bytes:
    field = b'Content-Disposition: form-data; name="%s"\r\n\r\n%s'
    parts = [field % (name.encode(), value.encode()) for name, value in fields.items()]
    head = b'Content-Disposition: form-data; name="%s"; filename="sound"\r\nContent-Type: %s\r\n\r\n'
    parts.append(head % (file.encode(), kind) + body)
    whole = b"".join(b"--%s\r\n%s\r\n" % (BOUNDARY, part) for part in parts) + b"--%s--\r\n" % BOUNDARY
    return _request(b"POST", path, b"Content-Type: multipart/form-data; boundary=%s\r\n" % BOUNDARY, whole)


def _parts(path: str, name: str, body: bytes) -> Iterator[bytes]:
    total = -(-len(body) // PIECE)
    for index in range(total):
        piece = body[index * PIECE : (index + 1) * PIECE]
        fields = {"fileId": name, "chunkIndex": str(index), "totalChunks": str(total), "chunkSize": str(PIECE)}
        fields |= {"room": "tea", "sender": "ann", "filename": f"{name}.wav"}
        yield _form(path, fields, "data", piece, b"audio/wav")


def _metadata() -> bytes:
    told = {b"room": b"tea", b"sender": b"ann", b"filename": b"note.ogg", b"filetype": b"audio/ogg"}
    return b",".join(name + b" " + b64encode(value) for name, value in told.items())


def _created(address: Address, size: int) -> str:
    """The path of a new upload."""
    connection = http.client.HTTPConnection(*address, timeout=PATIENCE)
    told = {"room": "tea", "sender": "ann", "filename": "long.wav", "filetype": "audio/wav"}
    metadata = ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in told.items())
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": metadata, "Content-Length": "0"}
    connection.request("POST", "/files/", headers=headers)
    answer = connection.getresponse()
    location = answer.getheader("Location")
    if answer.status != 201 or location is None:
        raise DoorError(f"no upload was created: {answer.status} {answer.read(300)!r}")
    connection.close()
    return "/" + location.split("/", 3)[-1] if "://" in location else location


def _patches(path: str, body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), PIECE):
        headers = TUS + b"Content-Type: application/offset+octet-stream\r\nUpload-Offset: %d\r\n" % start
        yield _request(b"PATCH", path, headers, body[start : start + PIECE])


def listed(address: Address, room: str) -> list[dict[str, object]]:
    """A room's notes, all pages."""
    found: list[dict[str, object]] = []
    connection = http.client.HTTPConnection(*address, timeout=PATIENCE)
    while True:
        connection.request("GET", f"/notes/{room}?after={found[-1]['seq'] if found else 0}")
        page = json.loads(connection.getresponse().read())
        if not page:
            connection.close()
            return found
        found += page
