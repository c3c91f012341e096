"""GeoTIFFs over HTTP, in as few requests as their blocks need: the header once, then each run of neighbouring blocks.

GDAL's own reader asks for a file's length (HEAD), then for its header, then for blocks, and each thread keeps connections of
its own. Here the header comes with the first request, is kept for later windows, and blocks that are neighbours in the file come
in one piece over connections that all threads share. GDAL still reads every tag and decodes every block: it is shown a file that
has holes (``/vsisparse/``) where nothing was fetched. A hole is never zeros: what touches one is an error, and the file is then
read by GDAL's own reader. So is whatever is no GeoTIFF with its header in front.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any

from mlbmi.access import NoRangesError, Piece
from mlbmi.read.directory import holds_all_directories, holds_directory
from mlbmi.read.header import native_geobox
from mlbmi.read.pool import by_decoder, fetched_together

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from mlbmi.access import RemoteFile

__all__ = ["HEADER_BYTES", "NotInPartsError", "Parts", "listed", "open_parts", "runs"]

HEADER_BYTES = 16 * 1024
"""Bytes asked for first. The header of a band of 10 m is 2-3 KB in blocks of 1024 pixels, 9 KB in blocks of 512."""

_KEPT_HEADERS = 1024
"""Headers kept, 16 MB at most: the bands of a year, so that a file read in several windows is asked for its header once."""

_AT_A_TIME = 8 * 1024 * 1024
"""Bytes of blocks held before they are decoded, or one row of blocks if that is more: 600 x 900 pixels are 6 MB at most, a row of
blocks of a whole tile 16 MB."""


class NotInPartsError(Exception):
    """The file is none that can be read in parts: leave it to GDAL."""


class _ChangedError(Exception):
    """The file on the server is another one than its header was taken from."""


class _Headers:
    """The headers last used, by address."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Piece] = OrderedDict()

    def get(self, file: RemoteFile) -> Piece:
        with self._lock:
            if file.href in self._kept:
                self._kept.move_to_end(file.href)
                return self._kept[file.href]
        header = file.part(0, HEADER_BYTES)
        if not holds_directory(header.data):
            raise NotInPartsError
        with self._lock:
            self._kept[file.href] = header
            while len(self._kept) > _KEPT_HEADERS:
                self._kept.popitem(last=False)
        return header

    def forget(self, href: str) -> None:
        with self._lock:
            self._kept.pop(href, None)


_headers = _Headers()


class Parts:
    """A remote GeoTIFF of which only the header has been fetched.

    Parameters
    ----------
    file : RemoteFile
    header : Piece
    dataset : rasterio.DatasetReader
        The file with nothing but its header: good for all that is not pixels.
    level : int, optional
        Of the overview that ``dataset`` is.
    """

    def __init__(self, file: RemoteFile, header: Piece, dataset: Any, level: int | None = None) -> None:
        self._file, self._header, self._level = file, header, level
        self.dataset = dataset

    def geobox(self) -> GeoBox:
        """Return the grid; raise ValueError if it is none to work on."""
        return by_decoder(lambda: native_geobox(self.dataset))

    def factors(self) -> list[int]:
        """Return by how much each overview is coarser, the finest first.

        Raises
        ------
        NotInPartsError
            If the header is longer than what was fetched of it: there may be more overviews than it seems.
        """
        if not holds_all_directories(self._header.data):
            raise NotInPartsError
        return list(self.dataset.overviews(1))

    @contextlib.contextmanager
    def overview(self, level: int) -> Iterator[Parts]:
        """Open an overview, by its place in :meth:`factors`."""
        with _header_alone(self._header, level) as dataset:
            yield Parts(self._file, self._header, dataset, level)

    def read(self, rows: slice, columns: slice) -> NDArray[Any]:
        """Fetch the blocks of a window and decode it.

        Raises
        ------
        NotInPartsError
            If it needs bytes that no block named.
        OSError
            If they cannot be fetched.
        """
        import numpy as np

        decoded = []
        for strip, blocks in self._strips(rows, columns):
            pieces = fetched_together(self._fetch, runs(blocks, len(self._header.data)))
            decoded.append(by_decoder(partial(self._decode, pieces, strip, columns)))
        return decoded[0] if len(decoded) == 1 else np.concatenate(decoded)

    def _strips(self, rows: slice, columns: slice) -> Iterator[tuple[slice, list[tuple[int, int]]]]:
        """Yield rows of pixels, whole rows of blocks as far as the window goes, and where in the file their blocks are."""
        height, width = self.dataset.block_shapes[0]
        strip, held = slice(rows.start, rows.start), list[tuple[int, int]]()
        for row in range(rows.start // height, (rows.stop - 1) // height + 1):
            blocks = listed(self.dataset, [row], range(columns.start // width, (columns.stop - 1) // width + 1))
            if held and _length(held) + _length(blocks) > _AT_A_TIME:
                yield strip, held
                strip, held = slice(strip.stop, strip.stop), []
            strip, held = slice(strip.start, min((row + 1) * height, rows.stop)), held + blocks
        yield strip, held

    def _fetch(self, run: tuple[int, int]) -> tuple[int, bytes]:
        start, stop = run
        piece = self._file.part(start, stop)
        if (piece.total, piece.version) != (self._header.total, self._header.version):
            raise _ChangedError
        return start, piece.data

    def _decode(self, pieces: list[tuple[int, bytes]], rows: slice, columns: slice) -> NDArray[Any]:
        import rasterio
        from rasterio.windows import Window

        with _sparse([(0, self._header.data), *pieces], self._header.total, self._level) as dataset:
            try:
                pixels: NDArray[Any] = dataset.read(1, window=Window.from_slices(rows, columns))
            except rasterio.errors.RasterioError:
                raise NotInPartsError from None
        return pixels


@contextlib.contextmanager
def open_parts(file: RemoteFile) -> Iterator[Parts]:
    """Open a remote GeoTIFF by its header.

    Parameters
    ----------
    file : RemoteFile

    Yields
    ------
    Parts

    Raises
    ------
    NotInPartsError
        If it is no GeoTIFF with its header in front, or its server does not serve parts of files.
    OSError
        If it cannot be fetched.
    ReadError, PaymentError
        If there is no address for it.
    """
    try:
        header = _headers.get(file)
        with _header_alone(header) as dataset:
            yield Parts(file, header, dataset)
    except NoRangesError:
        raise NotInPartsError from None
    except _ChangedError:
        _headers.forget(file.href)
        raise OSError("the file was exchanged on the server while it was read; read it again") from None


@contextlib.contextmanager
def _header_alone(header: Piece, level: int | None = None) -> Iterator[Any]:
    """Open, and close, a file of which there is only the header, or an overview of it."""
    import rasterio

    with contextlib.ExitStack() as stack:
        try:
            dataset = by_decoder(lambda: stack.enter_context(_sparse([(0, header.data)], header.total, level)))
        except rasterio.errors.RasterioError:
            raise NotInPartsError from None
        yield dataset


@contextlib.contextmanager
def _sparse(pieces: list[tuple[int, bytes]], total: int, level: int | None = None) -> Iterator[Any]:
    """Show GDAL a file of which only some pieces are there; to be opened by a decoder."""
    import rasterio
    from rasterio.io import MemoryFile

    with contextlib.ExitStack() as stack:
        regions = []
        for start, data in pieces:
            memory = stack.enter_context(MemoryFile(data))
            regions.append((start, len(data), memory.name))
        layout = stack.enter_context(MemoryFile(_layout(regions, total), ext=".xml"))
        of_level = {} if level is None else {"overview_level": level}
        yield stack.enter_context(rasterio.open(f"/vsisparse/{layout.name}", driver="GTiff", sharing=False, **of_level))


def _layout(regions: list[tuple[int, int, str]], total: int) -> bytes:
    """Write GDAL's description of a sparse file. Gaps are given to a file that is not there, since GDAL takes a gap for zeros."""
    absent, at, lines = f"/vsimem/{uuid.uuid4()}", 0, list[str]()
    for start, length, name in [*sorted(regions), (total, 0, absent)]:
        if start > at:
            lines.append(_region(at, start - at, absent))
        if length:
            # The header may reach into the first blocks.
            skip = max(at - start, 0)
            if skip < length:
                lines.append(_region(start + skip, length - skip, name, skip))
        at = max(at, start + length)
    return f"<VSISparseFile><Length>{total}</Length>{''.join(lines)}</VSISparseFile>".encode()


def _region(start: int, length: int, name: str, skip: int = 0) -> str:
    return (
        f'<SubfileRegion><Filename relative="0">{name}</Filename><DestinationOffset>{start}</DestinationOffset>'
        f"<SourceOffset>{skip}</SourceOffset><RegionLength>{length}</RegionLength></SubfileRegion>"
    )


_BETWEEN = 1024
"""Bytes between two blocks that are fetched along rather than asked around: COGs state a block's length before and after it."""


def listed(dataset: Any, rows: Iterable[int], columns: Sequence[int]) -> list[tuple[int, int]]:
    """Return offset and length of the blocks that a GeoTIFF holds; others are empty, or named beyond the header."""
    tag = dataset.get_tag_item
    names = [(f"BLOCK_OFFSET_{column}_{row}", f"BLOCK_SIZE_{column}_{row}") for row in rows for column in columns]
    found = [(tag(offset, "TIFF", bidx=1), tag(size, "TIFF", bidx=1)) for offset, size in names]
    return [(int(offset), int(size)) for offset, size in found if offset and size]


def runs(blocks: Iterable[tuple[int, int]], beyond: int) -> list[tuple[int, int]]:
    """Join blocks that are neighbours in the file: each run is one request. What lies before ``beyond`` is there already.

    Examples
    --------
    >>> runs([(90, 60), (158, 42), (9000, 10)], 100)
    [(100, 204), (8996, 9014)]
    """
    joined: list[tuple[int, int]] = []
    # GDAL also reads the 4 bytes before and after a block of a COG, where its length is repeated.
    for start, stop in sorted((max(offset - 4, beyond), offset + size + 4) for offset, size in blocks):
        if joined and start - joined[-1][1] <= _BETWEEN:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        elif stop > beyond:
            joined.append((start, stop))
    return joined


def _length(blocks: list[tuple[int, int]]) -> int:
    return sum(size for _, size in blocks)
