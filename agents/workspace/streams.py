"""Reading packed bytes without trusting them.

Owns: decompression with a memory bound, and the counter that stops a bomb. Refuses to know files and names.
Invariant: whatever the bytes say, at most `Limits.unpacked_bytes` are produced, and never more than a few
megabytes at once: a tar header that announces a gigabyte is refused before it is read.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import BinaryIO, Protocol

from agents.workspace.errors import ArchiveRefused
from agents.workspace.limits import MEBIBYTE, Limits, human_bytes

CHUNK = 256 * 1024
MAX_AT_ONCE = 8 * MEBIBYTE
XZ_MEMORY = 256 * MEBIBYTE  # an xz stream names its own dictionary size, up to 4 GB


class _Decompressor(Protocol):
    def decompress(self, data: bytes, max_length: int) -> bytes: ...

    @property
    def eof(self) -> bool: ...


class _Plain:
    """Passes bytes on, in the decompressors' shape."""

    eof = False
    needs_input = True

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return data


class _Gzip:
    """zlib's object in the shape of the bz2 and lzma ones: it keeps what it could not take."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data


class Unpacked:
    """A tar's bytes, decompressed as they are read; seeks forward only, which is all that tarfile needs."""

    def __init__(self, packed: BinaryIO, limits: Limits) -> None:
        self._packed = packed
        self._limits = limits
        self._consumed = 0
        self._position = 0
        self._buffer = bytearray()
        self._head = packed.read(6)
        self._decompressor = _decompressor(self._head)
        self._at_end = False

    def read(self, size: int = -1) -> bytes:
        """Give up to `size` bytes. Raises ArchiveRefused for a bomb or damaged bytes."""
        if size < 0 or size > MAX_AT_ONCE:
            raise ArchiveRefused(
                f"the archive announces a header of {size:,} bytes; it is damaged or hostile"
            )
        while len(self._buffer) < size and not self._at_end:
            self._fill()
        given = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        self._position += len(given)
        return given

    def tell(self) -> int:
        return self._position

    def seek(self, target: int, whence: int = 0) -> int:
        if whence or target < self._position:
            raise ArchiveRefused("the archive's members are not in order; it is damaged or hostile")
        while self._position < target and self.read(min(CHUNK, target - self._position)):
            pass
        return self._position

    def _fill(self) -> None:
        data = b""
        if getattr(self._decompressor, "needs_input", True):
            data = self._head or self._packed.read(CHUNK)
            self._head = b""
            self._consumed += len(data)
            if not data:
                self._end()
                return
        try:
            produced = self._decompressor.decompress(data, CHUNK)
        except (zlib.error, OSError, lzma.LZMAError, EOFError) as error:
            raise ArchiveRefused(f"the archive is damaged: {error}; pack it again") from error
        self._buffer += produced
        self._check()
        if self._decompressor.eof:
            self._next_stream()

    def _next_stream(self) -> None:
        """Packed files may be several streams in a row."""
        rest = getattr(self._decompressor, "unused_data", b"").lstrip(b"\0") or self._packed.read(CHUNK)
        if not rest.lstrip(b"\0"):
            self._at_end = True
            return
        self._head = rest
        self._decompressor = _decompressor(rest)

    def _end(self) -> None:
        if not isinstance(self._decompressor, _Plain):
            raise ArchiveRefused("the archive ends too early; it is damaged or was not uploaded whole")
        self._at_end = True

    def _check(self) -> None:
        made = self._position + len(self._buffer)
        refuse_bomb(made, self._consumed, self._limits)


def refuse_bomb(made: int, packed: int, limits: Limits) -> None:
    """Let honest archives pass. Raises ArchiveRefused when far more comes out than went in."""
    if made > limits.unpacked_bytes:
        raise ArchiveRefused(
            f"the archive unpacks to more than {human_bytes(limits.unpacked_bytes)}; upload a part of it"
        )
    if made > limits.ratio_from_bytes and made > limits.ratio * max(packed, 1):
        raise ArchiveRefused(
            f"the archive unpacks to more than {limits.ratio} times its size, as bombs do; nothing of it was kept"
        )


def _decompressor(head: bytes) -> _Decompressor:
    if head.startswith(b"\x1f\x8b"):
        return _Gzip()
    if head.startswith(b"BZh"):
        return bz2.BZ2Decompressor()
    if head.startswith((b"\xfd7zXZ\0", b"\x5d\0\0")):
        return lzma.LZMADecompressor(memlimit=XZ_MEMORY)
    return _Plain()
