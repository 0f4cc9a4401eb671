"""Where a generated function ends, by Python's lexical rules and without parsing.

Small models seldom stop by themselves: behind the function that was asked for they write tests,
prints and the next function. By the grammar a function ends where the next statement at column 0
begins, and whether a line begins a statement depends only on strings, brackets and backslashes. A
comment at column 0 is no statement: what comes behind it decides. A function or class behind the
one that was asked for, which that one uses, is part of the answer.
"""

import re

from steadycode.definitions import defined

_DEFINITION = re.compile(r"(?:async[ \t\f]+)?(?:def|class)\b")
_NAMED = re.compile(r"(?:async[ \t\f]+)?(?:def|class)[ \t\f]+(\w+)\W")
_NAMED_SO_FAR = re.compile(
    r"a|as|asy|asyn|async(?:[ \t\f]+(?:d|de|def(?:[ \t\f]+\w*)?)?)?"
    r"|d|de|def(?:[ \t\f]+\w*)?|c|cl|cla|clas|class(?:[ \t\f]+\w*)?"
)
_BLANK = " \t\f\r"


def function_end(prompt: str, text: str) -> int | None:
    """Index into ``text`` behind the last line of the function under way in ``prompt + text``.

    The function is the last ``def`` or ``class`` at column 0 of the prompt, or the first one in
    ``text`` where the prompt ends in no such block. It ends before the first line of ``text`` that
    begins a statement or decorator at column 0, or a Markdown fence, unless that is the definition
    of something that it uses and that was not defined before, which is then part of it. Blank
    lines, and comments at column 0, before that line are not kept. None while no such line has
    begun.
    """
    scanner = FunctionScanner(prompt)
    end = scanner.feed(text)
    return scanner.finish() if end is None else end


class FunctionScanner:
    """``function_end`` for text that arrives in pieces, cut anywhere; one step per character."""

    kept_from = 0

    def __init__(self, prompt: str) -> None:
        self._source = ""  # all that was read: the prompt, then the text
        self._text_start = len(prompt)
        self._statement: int | None = None  # where the last statement at column 0 begins
        self._used = set[str]()  # names in the code since that statement
        self._word = self._before_word = ""
        self._pending: int | None = None  # where a definition begins that may not belong to it
        self._aside = False  # in a comment at column 0, kept only if code of the function follows
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
            begins = self._begins_line(position, character)
            if begins and self._ends_here(position, character):
                return self._end
            if not begins and self._pending is not None and self._is_foreign(position + 1):
                return self._end
            if character == "\n":
                self._end_line(position)
            elif self._quote:
                self._in_string(character)
            elif not self._comment:
                self._in_code(character)
        return None

    def finish(self) -> int | None:
        """The end, should no more text come; None where all of the text belongs to the function."""
        return None if self._pending is None and not self._aside else self._end

    @staticmethod
    def clean(text: str) -> str:
        """What was kept, as it is."""
        return text

    @property
    def _end(self) -> int:
        return max(self._kept, self._text_start) - self._text_start

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
            self._aside = self._aside and self._pending is not None
            return False
        if generated and self._in_definition():
            if character == "#":
                self._aside = True
            elif character in "@adc":  # perhaps a decorator, async, def or class
                self._pending = position
            else:
                return True
        elif character != "#":
            self._statement = position
            self._used.clear()
        return False

    def _is_foreign(self, end: int) -> bool:
        """Whether what begins at column 0 is no definition that the function uses."""
        text = self._source[self._line_start : end]
        if self._pending != self._line_start or text[0] == "@":
            return False  # what comes below a decorator decides
        if named := _NAMED.match(text):
            known = defined(self._source[: self._line_start])
            if named[1] in known or named[1] not in self._used:
                return True
            self._statement, self._pending, self._aside = self._line_start, None, False
            return False
        return not _NAMED_SO_FAR.fullmatch(text)

    def _in_definition(self) -> bool:
        start = self._statement
        return start is not None and _DEFINITION.match(self._source, start) is not None

    def _end_line(self, position: int) -> None:
        self._end_word("\n")
        if self._line_has_content and self._pending is None and not self._aside:
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
        self._end_word(character)
        self._backslash = character == "\\"
        if character in "\"'":
            self._quote, self._quotes, self._opening = character, 1, True
        elif character == "#":
            self._comment = True
        elif character in "([{":
            self._depth += 1
        elif character in ")]}":
            self._depth = max(0, self._depth - 1)

    def _end_word(self, character: str) -> None:
        """Note the names that the function uses; what stands behind a dot is somebody else's."""
        if character.isalnum() or character == "_":
            self._word += character
            return
        if self._word and self._before_word != "." and self._pending is None:
            self._used.add(self._word)
        if self._word or not character.isspace():
            self._before_word = character
        self._word = ""
