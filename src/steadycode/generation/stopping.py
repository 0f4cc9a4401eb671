"""Where a generated function ends, by Python's lexical rules and without parsing; where the code in
a chat reply begins and ends.

Small models seldom stop by themselves: behind the function that was asked for they write tests,
prints and the next function. By the grammar a function ends where the next statement at column 0
begins, and whether a line begins a statement depends only on strings, brackets and backslashes.
"""

import re

_DEFINITION = re.compile(r"(?:async[ \t\f]+)?(?:def|class)\b")
_BLANK = " \t\f\r"
_FENCE = re.compile("`{3,}")


def function_end(prompt: str, text: str) -> int | None:
    """Index into ``text`` behind the last line of the function under way in ``prompt + text``.

    The function is the last ``def`` or ``class`` at column 0 of the prompt, or the first one in
    ``text`` where the prompt ends in no such block. It ends before the first line of ``text`` that
    begins a statement, comment or decorator at column 0, or a Markdown fence; blank lines before
    that line are not kept. None while no such line has begun.
    """
    return FunctionScanner(prompt).feed(text)


class FunctionScanner:
    """``function_end`` for text that arrives in pieces, cut anywhere; one step per character."""

    kept_from = 0

    def __init__(self, prompt: str) -> None:
        self._source = ""  # all that was read: the prompt, then the text
        self._text_start = len(prompt)
        self._statement: int | None = None  # where the last statement at column 0 begins
        self._kept = len(prompt)  # behind the last line with content
        self._line_start = 0
        self._line_has_content = False
        self._line_is_logical = True  # begins no continuation of the line before
        self._depth = 0  # open brackets
        self._comment = False
        self._backslash = False  # the character before was one that escapes
        self._quote = ""  # of the string we are in; one or three characters
        self._quotes = 0  # how many such characters in a row, while opening or closing
        self._opening = False
        self.feed(prompt)

    def feed(self, piece: str) -> int | None:
        """The end, once ``piece`` has brought the character that shows it."""
        offset = len(self._source)
        self._source += piece
        for position, character in enumerate(piece, start=offset):
            if self._begins_line(position, character) and self._ends_here(position, character):
                return max(self._kept, self._text_start) - self._text_start
            if character == "\n":
                self._end_line(position)
            elif self._quote:
                self._in_string(character)
            elif not self._comment:
                self._in_code(character)
        return None

    def _begins_line(self, position: int, character: str) -> bool:
        """Whether this is the first character of its line that is not blank."""
        if self._line_has_content or character in _BLANK or character == "\n":
            return False
        self._line_has_content = True
        return not self._inside_string

    @property
    def _inside_string(self) -> bool:
        return len(self._quote) == 3 or (bool(self._quote) and not self._line_is_logical)

    def _ends_here(self, position: int, character: str) -> bool:
        generated = self._line_start >= self._text_start
        if character == "`" and generated:
            return True
        if position > self._line_start or not self._line_is_logical or self._depth:
            return False
        if generated and self._in_definition():
            return True
        if character != "#":
            self._statement = position
        return False

    def _in_definition(self) -> bool:
        start = self._statement
        return start is not None and _DEFINITION.match(self._source, start) is not None

    def _end_line(self, position: int) -> None:
        if self._line_has_content:
            self._kept = max(self._kept, position + 1)
        self._settle_quotes("\n")
        continued = self._backslash and not self._comment
        if len(self._quote) == 1 and not continued:
            self._quote = ""  # never closed: a syntax error that ends with its line
        self._line_is_logical = not continued and not self._quote
        self._line_start = position + 1
        self._line_has_content = self._comment = self._backslash = False
        self._quotes = 0

    def _settle_quotes(self, character: str) -> bool:
        """Decide, at the first other character, what one or two quotes in a row were."""
        if self._opening and character != self._quote:
            self._opening = False
            if self._quotes == 2:
                self._quote = ""  # the empty string
        return bool(self._quote)

    def _in_string(self, character: str) -> None:
        if self._opening:
            if character == self._quote:
                self._quotes += 1
                if self._quotes == 3:
                    self._quote, self._quotes, self._opening = character * 3, 0, False
                return None
            if not self._settle_quotes(character):
                return self._in_code(character)
            self._quotes = 0
        if self._backslash:
            self._backslash = False
        elif character == "\\":
            self._backslash, self._quotes = True, 0
        elif character == self._quote[0]:
            self._quotes += 1
            if self._quotes == len(self._quote):
                self._quote = ""
        else:
            self._quotes = 0
        return None

    def _in_code(self, character: str) -> None:
        self._backslash = character == "\\"
        if character in "\"'":
            self._quote, self._quotes, self._opening = character, 1, True
        elif character == "#":
            self._comment = True
        elif character in "([{":
            self._depth += 1
        elif character in ")]}":
            self._depth = max(0, self._depth - 1)


class ReplyScanner:
    """The first fenced block of a Markdown reply that arrives in pieces, cut anywhere.

    ``kept_from`` is the index behind the line that opens it, 0 while there is none: a reply without
    a fence is taken whole.
    """

    def __init__(self) -> None:
        self.kept_from = 0
        self._text = ""
        self._line_start = 0
        self._fence = ""  # the backticks that opened the block

    def feed(self, piece: str) -> int | None:
        """Index of the line that closes the block, once that line has begun to be one.

        A line that begins with as many backticks as opened the block is taken for its end at once,
        since a model says nothing of use behind them; a string that holds such a line is cut.
        """
        self._text += piece
        while True:
            end = self._text.find("\n", self._line_start)
            line = self._text[self._line_start : None if end < 0 else end].strip()
            if self._fence and line.startswith(self._fence):
                return self._line_start
            if end < 0:
                return None
            opening = _FENCE.match(line)
            self._line_start = end + 1
            if opening and not self._fence:
                self._fence, self.kept_from = opening[0], end + 1
