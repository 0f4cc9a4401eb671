"""The code in a Markdown reply, and what of it counts, by the rules of CommonMark's fences.

A model that thinks aloud writes drafts before ``</think>``; nothing there counts. Of several blocks
the first that defines what the prompt asks for counts, else the first in Python.
"""

import re
import textwrap
from dataclasses import dataclass

from steadycode.definitions import asked_for, definition

_FENCE = re.compile("(`{3,}|~{3,})(.*)", re.DOTALL)
_LANGUAGES = {"", "python", "py", "python3", "python2", "pycon", "ipython"}
_THINKS, _THOUGHT = "<think>", "</think>"


@dataclass(slots=True)
class _Block:
    fence: str
    language: str
    start: int
    end: int | None = None


class ReplyScanner:
    """The fenced block that counts, in a reply to ``prompt`` that arrives in pieces, cut anywhere.

    ``kept_from`` is where it begins; a reply without a fence is taken whole. ``thinking`` says that
    the reply begins inside the model's thoughts, which a chat template may have opened.
    """

    def __init__(self, prompt: str, thinking: bool = False) -> None:
        name = asked_for(prompt)
        self._definition = definition(name, indented=True) if name else None
        self._thinking = thinking
        self._text = ""
        self._line_start = 0
        self._blocks: list[_Block] = []
        self.kept_from = 0

    def feed(self, piece: str) -> int | None:
        """Where the block ends, once the line that closes it has begun and no later one can count.

        A line that begins with as many signs as opened the block is taken for its end at once,
        since a model says nothing of use behind them; a string that holds such a line is cut.
        """
        self._text += piece
        while True:
            end = self._text.find("\n", self._line_start)
            line = self._text[self._line_start : None if end < 0 else end].strip()
            if self._closes(line) and self._counts(self._blocks[-1], self._line_start):
                self._blocks[-1].end = self._line_start
                return self._keep(self._blocks[-1])
            if end < 0:
                return None
            self._read(line, end + 1)

    def finish(self) -> int | None:
        """The end of what counts, should no more text come; None where all behind ``kept_from``
        does."""
        if self._thinking or _is_thinking(self._text):
            self.kept_from = len(self._text)
            return self.kept_from
        if not self._blocks:
            return None
        python = [block for block in self._blocks if block.language in _LANGUAGES]
        counting = [
            block
            for block in self._blocks
            if self._definition and self._counts(block, self._end_of(block))
        ] or python
        if counting:
            return self._keep(counting[0])
        self.kept_from = len(self._text)
        return self.kept_from

    def clean(self, text: str) -> str:
        """What was kept, without the indentation of a block that stands in a list, say."""
        found = self._definition.search(text) if self._definition else None
        indented = found is not None and found[0][:1] in (" ", "\t")
        return textwrap.dedent(text) if indented else text

    def _read(self, line: str, behind: int) -> None:
        """Take in a whole line; ``behind`` is where the next one begins."""
        if _THOUGHT in line:
            self._thinking, self._blocks = False, []
            self.kept_from = self._text.rindex(_THOUGHT, 0, behind) + len(_THOUGHT)
            line = self._text[self.kept_from : behind].strip()
        fence = _FENCE.match(line)
        if line.startswith(_THINKS) and not self._blocks:
            self._thinking = True
        elif self._thinking:
            pass
        elif self._closes(line):
            self._blocks[-1].end = self._line_start
        elif fence and not self._open and fence[1][0] not in fence[2]:
            self._blocks.append(_Block(fence[1], _language(fence[2]), behind))
        self._line_start = behind

    @property
    def has_block(self) -> bool:
        """Whether there is a fenced block that is no thought."""
        return bool(self._blocks)

    @property
    def _open(self) -> bool:
        return bool(self._blocks) and self._blocks[-1].end is None

    def _closes(self, line: str) -> bool:
        return self._open and line.startswith(self._blocks[-1].fence)

    def _counts(self, block: _Block, end: int) -> bool:
        """Whether no block behind this one, which ends at ``end``, can count in its place."""
        if self._definition is None:
            return block.language in _LANGUAGES
        return self._definition.search(self._text, block.start, end) is not None

    def _end_of(self, block: _Block) -> int:
        if block.end is not None:
            return block.end
        last = self._text[self._line_start :].strip()
        return self._line_start if self._closes(last) else len(self._text)

    def _keep(self, block: _Block) -> int:
        self.kept_from = block.start
        return self._end_of(block)


def _language(info: str) -> str:
    words = info.strip().strip("{}").lower().lstrip(".").split()
    return words[0].split(",")[0] if words else ""


def _is_thinking(text: str) -> bool:
    return text.lstrip().startswith(_THINKS) and _THOUGHT not in text
