"""A drawing in characters: lines in braille dots, or in ASCII, and signs on top of them.

Comes in: points in the units of the axes.  Goes out: rows of text with colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

_BRAILLE = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of the dots of a braille character, by row and column."""
_ASCII_DOT = "*"

Point = tuple[float, float]


class Canvas:
    """A field of `width` by `height` characters that shows a part of the plane."""

    def __init__(self, width: int, height: int, x: tuple[float, float], y: tuple[float, float], *, ascii: bool):
        self.width, self.height, self.x, self.y, self.ascii = width, height, x, y, ascii
        self._bits = [[0] * width for _ in range(height)]
        self._signs: dict[tuple[int, int], str] = {}
        self._styles: dict[tuple[int, int], str] = {}

    def line(self, points: Sequence[Point], style: str) -> None:
        """Straight lines from point to point; of a single point a dot."""
        dots = [self._dot(point) for point in points]
        for one, other in pairwise(dots) if len(dots) > 1 else [(dots[0], dots[0])]:
            # Few, because no dot is far outside of the field.
            steps = max(abs(other[0] - one[0]), abs(other[1] - one[1]), 1)
            for step in range(steps + 1):
                share = step / steps
                column = round(one[0] + (other[0] - one[0]) * share)
                row = round(one[1] + (other[1] - one[1]) * share)
                if 0 <= column < 2 * self.width and 0 <= row < 4 * self.height:
                    self._bits[row // 4][column // 2] |= _DOTS[row % 4][column % 2]
                    self._styles.setdefault((column // 2, row // 4), style)

    def sign(self, point: Point, sign: str, style: str) -> None:
        """A character at a point, if it is in the field."""
        column, row = self._dot(point)
        self._put(column // 2, row // 4, sign, style)

    def column(self, x: float, sign: str, style: str) -> None:
        """A character in every row at x, where nothing is yet."""
        place = self._dot((x, self.y[0]))[0] // 2
        for row in range(self.height):
            if 0 <= place < self.width and not self._bits[row][place] and (place, row) not in self._signs:
                self._put(place, row, sign, style)

    def row_of(self, y: float) -> int:
        """The row, from the top, that shows this height."""
        return self._dot((self.x[0], y))[1] // 4

    def rows(self) -> list[list[tuple[str, str]]]:
        """The drawing, from top to bottom: of each row the characters with their styles."""
        return [
            [(self._character(column, row), self._styles.get((column, row), "")) for column in range(self.width)]
            for row in range(self.height)
        ]

    def _character(self, column: int, row: int) -> str:
        if (column, row) in self._signs:
            return self._signs[column, row]
        bits = self._bits[row][column]
        return " " if not bits else _ASCII_DOT if self.ascii else chr(_BRAILLE + bits)

    def _dot(self, point: Point) -> tuple[int, int]:
        """The column and the row of a point, in dots; far outside it is as near as makes no difference."""

        def along(value: float, ends: tuple[float, float], dots: int) -> int:
            share = (value - ends[0]) / (ends[1] - ends[0])
            return round(min(max(share, -2.0), 3.0) * (dots - 1))

        return along(point[0], self.x, 2 * self.width), along(point[1], self.y[::-1], 4 * self.height)

    def _put(self, column: int, row: int, sign: str, style: str) -> None:
        if 0 <= column < self.width and 0 <= row < self.height:
            self._signs[column, row] = sign
            self._styles[column, row] = style
