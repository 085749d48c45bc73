"""A file of the invocation log, block by block: a few thousand records at a time, and bad lines one by one."""

from typing import Any

from bedrock_lab.traffic.readers.files import FileError
from bedrock_lab.traffic.readers.log_blocks import decoder
from bedrock_lab.traffic.readers.log_columns import Columns
from bedrock_lab.traffic.readers.log_lines import lines_in, reason_of, records_of
from bedrock_lab.traffic.readers.log_rows import Rows
from bedrock_lab.traffic.readers.raw import Raw
from bedrock_lab.traffic.trace import Skipped

AT_ONCE = 4_000
"""So many records become columns at a time."""

MOST_SKIPPED = 10_000
"""Bad lines that are listed one by one; a file with more is refused."""


class Reading:
    """What was read of a file so far."""

    def __init__(self, file: str, wanted: Any) -> None:
        self.file, self.wanted = file, wanted
        self.columns = Columns(wanted)
        self.skipped: list[Skipped] = []
        self.lines = 0
        self._decode = decoder(wanted.app_key)
        self._records: list[Any] = []
        self._blocks: list[tuple[int, bytes]] = []

    def take(self, block: bytes) -> None:
        """Read a block of whole lines; one that cannot be decoded at once is read line by line."""
        length = lines_in(block)
        records = self._decode(block, length)
        if records is None:
            self._settle()
            self.one_by_one(self.lines, block)
        else:
            self._records += records
            self._blocks.append((self.lines, block))
        self.lines += length
        if len(self._records) >= AT_ONCE:
            self._settle()

    def one_by_one(self, above: int, block: bytes) -> None:
        """Read lines, `above` of which stand before them; a bad one is listed.

        Raises
        ------
        FileError
            So many are bad that the file is something else.
        """
        rows = Rows(self.wanted)
        for number, line in records_of(block):
            try:
                rows.add(line)
            except (ValueError, OverflowError) as error:  # InputError and msgspec's are ValueErrors
                self.skipped.append(Skipped(file=self.file, line=above + number, reason=reason_of(error)))
        self.columns.add_rows(rows)
        if len(self.skipped) > MOST_SKIPPED:
            raise FileError(self.file, f"more than {MOST_SKIPPED:,} lines are no record; is it an invocation log?")

    def raw(self) -> Raw:
        """Hand the rows over.

        Raises
        ------
        FileError
            There are none.
        """
        self._settle()
        return self.columns.raw(self.file, self.skipped)

    def _settle(self) -> None:
        """Turn the records that wait into columns; in doubt their lines are read one by one."""
        if self._records and not self.columns.add(self._records):
            for above, block in self._blocks:
                self.one_by_one(above, block)
        self._records.clear()
        self._blocks.clear()
