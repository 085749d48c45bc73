"""Texts in pieces that may be cut out whole: code blocks, tables, paragraphs, sentences; joined they are the text."""

import re
from itertools import pairwise

FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
SENTENCE = re.compile("(?<=[.!?\u2026\u3002\uff01\uff1f])(?:[\"'\u201d\u2019)\\]]*)\\s+")
ROW = re.compile(r"^\s*\|.*\|\s*$")


def blocks(text: str) -> list[tuple[str, bool]]:
    r"""Split a text into runs of lines, each with whether it is code (fenced) or a table.

    An unclosed fence is code to the end.

    >>> blocks("a\n```\nx = 1\n```\nb")
    [('a\n', False), ('```\nx = 1\n```\n', True), ('b', False)]
    """
    found: list[tuple[str, bool]] = []
    held: list[str] = []
    fence: str | None = None

    def close(*, kept: bool) -> None:
        if held:
            found.append(("".join(held), kept))
            held.clear()

    rows = False
    for line in text.splitlines(keepends=True):
        opened = FENCE.match(line)
        if fence is None and opened:
            close(kept=rows)
            rows, fence = False, opened[1]
            held.append(line)
        elif fence is not None:
            held.append(line)
            if (
                opened
                and opened[1][0] == fence[0]
                and len(opened[1]) >= len(fence)
                and not line[opened.end() :].strip()
            ):
                close(kept=True)
                fence = None
        else:
            if bool(ROW.match(line)) != rows:
                close(kept=rows)
                rows = not rows
            held.append(line)
    close(kept=rows or fence is not None)
    return found


def paragraphs(text: str) -> list[str]:
    r"""Split a text at blank lines outside code; code blocks and tables are pieces of their own.

    >>> paragraphs("a\n\nb c\n")
    ['a\n\n', 'b c\n']
    """
    found: list[str] = []
    for run, kept in blocks(text):
        found += [run] if kept else _cut(run, r"\n[ \t]*\n\s*")
    return found


def sentences(paragraph: str) -> list[str]:
    """Split a paragraph into sentences; code and tables stay whole.

    >>> sentences("One. Two? Three")
    ['One. ', 'Two? ', 'Three']
    """
    found: list[str] = []
    for run, kept in blocks(paragraph):
        found += [run] if kept else _cut(run, SENTENCE.pattern)
    return found


def _cut(text: str, pattern: str) -> list[str]:
    ends = [0, *(match.end() for match in re.finditer(pattern, text)), len(text)]
    return [text[a:b] for a, b in pairwise(ends) if b > a]
