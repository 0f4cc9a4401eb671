"""Which block of a reply counts."""

import pytest

from steadycode.generation.replies import ReplyScanner

PROMPT = 'def f(x):\n    """Double x."""\n'
F = "def f(x):\n    return 2 * x\n"
G = "def g(x):\n    return x\n"

CASES = {
    "the one that defines it": (f"```python\n{G}```\nthen\n```python\n{F}```\nmore", F),
    "it comes first": (f"```python\n{F}```\n```python\n{G}```", F),
    "bash first": (f"```bash\npip install f\n```\n```python\n{F}```", F),
    "bash that names it": ("```bash\npython f.py\n```\n\n```py\n    return 2 * x\n```\n",
                           "    return 2 * x\n"),
    "only bash": ("```sh\nls\n```\n", ""),
    "no language": (f"```\n{F}```", F),
    "tildes": (f"~~~python\n{F}~~~\nmore", F),
    "tildes in backticks": (f"```python\ns = '''\n~~~\n'''\n{F}```", f"s = '''\n~~~\n'''\n{F}"),
    "attributes": (f"```{{.python .numberLines}}\n{F}```", F),
    "thought": (f"<think>\n```python\n{G}{F}```\n</think>\n\n```python\n{F}```\n", F),
    "thought opened before": (f"so ```python\n{G}\n</think>\n```python\n{F}```\n", F),
    "thought on one line": (f"<think>hm</think>```python\n{F}```", F),
    "thought without code": (f"<think>\n{F}\n</think>\n{F}", "\n" + F),
    "thought without end": (f"<think>\n```python\n{F}```\n", ""),
    "indented": ("1. So:\n\n   ```python\n   def f(x):\n       return 2 * x\n   ```\n", F),
    "the rest of the body stays": ("```python\n    y = x\n    return y\n```",
                                   "    y = x\n    return y\n"),
    "in a class": ("```python\nclass Solution:\n    def f(self, x):\n        return 2 * x\n```",
                   "class Solution:\n    def f(self, x):\n        return 2 * x\n"),
    "open at the end": (f"```python\n{F}", F),
    "second open at the end": (f"```python\n{G}```\n```python\n{F}", F),
    "closed without a line's end": (f"```python\n{G}```", G),
    "no fence": (F, F),
    "no fence, inline": (f"use ```f``` so\n{F}", f"use ```f``` so\n{F}"),
}  # fmt: skip


def kept(scanner: ReplyScanner, reply: str, end: int | None) -> str:
    end = scanner.finish() if end is None else end
    return scanner.clean(reply[scanner.kept_from : end])


@pytest.mark.parametrize(("reply", "code"), CASES.values(), ids=CASES.keys())
def test_what_counts(reply: str, code: str) -> None:
    scanner = ReplyScanner(PROMPT)
    assert kept(scanner, reply, scanner.feed(reply)) == code


@pytest.mark.parametrize(("reply", "code"), CASES.values(), ids=CASES.keys())
def test_pieces_do_not_matter(reply: str, code: str) -> None:
    scanner = ReplyScanner(PROMPT)
    for at, character in enumerate(reply):
        end = scanner.feed(character)
        if end is not None:
            assert kept(scanner, reply[: at + 1], end) == code
            return
    assert kept(scanner, reply, None) == code


def test_a_reply_ends_with_the_block_that_defines_it_and_not_before() -> None:
    scanner = ReplyScanner(PROMPT)
    assert scanner.feed(f"```python\n{G}```\n") is None
    assert scanner.feed(f"```python\n{F}``") is None
    assert scanner.feed("`") is not None


def test_a_reply_that_begins_in_thoughts() -> None:
    scanner = ReplyScanner(PROMPT, thinking=True)
    reply = f"maybe\n```python\n{G}{F}```\nno.\n</think>\n```python\n{F}```"
    end = None
    for character in reply:
        end = end if end is not None else scanner.feed(character)
    assert end == len(reply) - 3
    assert kept(scanner, reply, end) == F
    silent = ReplyScanner(PROMPT, thinking=True)
    assert kept(silent, F, silent.feed(F)) == ""


def test_a_prompt_that_asks_for_nothing_by_name() -> None:
    scanner = ReplyScanner("# write something\n")
    reply = f"```bash\nls\n```\n```python\n{G}```"
    assert kept(scanner, reply, scanner.feed(reply)) == G
