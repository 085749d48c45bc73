"""Bytes on the wire: event-stream messages with both checksums, and ids."""

import functools
import struct
import zlib

import orjson

JSON = b"application/json"


@functools.cache
def _headers(*pairs: tuple[str, str]) -> bytes:
    """Encode string headers: name length, name, type 7, value length, value."""
    out = b""
    for name, value in pairs:
        key, text = name.encode(), value.encode()
        out += struct.pack("!B", len(key)) + key + struct.pack("!BH", 7, len(text)) + text
    return out


def message(headers: bytes, payload: bytes) -> bytes:
    """Frame one event-stream message.

    Total length, header length, checksum of these eight bytes, headers, payload, checksum of all before it.
    """
    lengths = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    framed = lengths + struct.pack("!I", zlib.crc32(lengths)) + headers + payload
    return framed + struct.pack("!I", zlib.crc32(framed))


def event(kind: str, payload: object) -> bytes:
    """Frame an event of a response stream."""
    headers = _headers((":event-type", kind), (":content-type", "application/json"), (":message-type", "event"))
    return message(headers, orjson.dumps(payload))


def exception(kind: str, body: object) -> bytes:
    """Frame an exception the operation's stream declares, such as ``throttlingException``."""
    headers = _headers((":exception-type", kind), (":content-type", "application/json"), (":message-type", "exception"))
    return message(headers, orjson.dumps(body))


def error(code: str, text: str) -> bytes:
    """Frame an error the operation's stream does not declare."""
    return message(_headers((":error-code", code), (":error-message", text), (":message-type", "error")), b"")


def spoiled(framed: bytes) -> bytes:
    """Return a message whose last checksum is wrong."""
    return framed[:-1] + bytes([framed[-1] ^ 0xFF])


def uuid(digest: bytes) -> str:
    """Write 16 bytes as a request id.

    >>> uuid(bytes(range(16)))
    '00010203-0405-4607-8809-0a0b0c0d0e0f'
    """
    h = bytearray(digest[:16])
    h[6], h[8] = h[6] & 0x0F | 0x40, h[8] & 0x3F | 0x80
    text = h.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
