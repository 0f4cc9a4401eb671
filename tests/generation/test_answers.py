"""Answers of other engines are read as ours would have been."""

import json
from pathlib import Path

import pytest

from steadycode.config import Style
from steadycode.errors import DataError
from steadycode.generation.answers import read_answer
from steadycode.generation.recorded import RecordedEngine, prompt_id

PROMPT = 'import re\n\n\ndef f(x):\n    """Double x."""\n'
BODY = "    return 2 * x\n"
F = "def f(x):\n    return 2 * x\n"
MARGIN = "    t = 0\n# add\n    return t\n"
HELPED = "    return g(x)\n\ndef g(x):\n    return 2*x\n"

CASES: dict[str, tuple[str, str]] = {
    "as it should be": (BODY, BODY),
    "fenced whole": (f"```python\n{F}```", F),
    "fenced body": (f"```python\n{BODY}```\n", BODY),
    "prose before and behind": (f"Sure! Here it is:\n\n```python\n{F}```\n\nIt doubles x.", F),
    "prose without a fence": (f"Sure, here it is:\n\n{F}\nThis doubles x.\n", F),
    "imports without a fence": (f"Here:\nimport math\n\n{F}\nprint(f(1))\n", f"import math\n\n{F}"),
    "prose before a body": (f"Here is the rest:\n{BODY}", BODY),
    "end of text": (f"{BODY}<|endoftext|>", BODY),
    "end of a turn": (f"{BODY}<|im_end|>\n<|im_start|>user", BODY),
    "end of a sentence": (f"{BODY}</s>", BODY),
    "next function": (f"{BODY}\n\ndef main():\n    print(f(1))\n", BODY),
    "cut next function": (f"{BODY}\n\ndef mai", BODY),
    "tests": (f"{BODY}\nassert f(1) == 2\n", BODY),
    "repeats the prompt": (PROMPT + BODY, BODY),
    "whole function": (F, F),
    "whole with a helper": (f"def g(x):\n    return x\n\n{F}", f"def g(x):\n    return x\n\n{F}"),
    "helper behind": (HELPED, HELPED),
    "whole with a helper behind": (f"def f(x):\n{HELPED}\nprint(1)", f"def f(x):\n{HELPED}"),
    "thoughts": (f"<think>\nreturn x?\n</think>\n{F}", "\n" + F),
    "comment at the margin": (MARGIN, MARGIN),
    "starts with a comment": (f"# add it\n{BODY}", f"# add it\n{BODY}"),
    "a string that looks like an end": ("    return '</b>'\n", "    return '</b>'\n"),
    "prose with a form feed": (f"It is:\x0c so\n{BODY}", BODY),
    "prose with a line separator": (f"It is:\u2028 so\n{BODY}", BODY),
    "nothing": ("", ""),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "code"), CASES.values(), ids=CASES.keys())
def test_what_counts_of_an_answer(answer: str, code: str) -> None:
    assert read_answer(PROMPT, answer, "completion") == code


@pytest.mark.parametrize("name", ["fenced whole", "prose before and behind", "whole function"])
def test_as_a_chat(name: str) -> None:
    answer, code = CASES[name]
    assert read_answer(PROMPT, answer, "chat") == code


def answers(folder: Path, *rows: dict[str, object]) -> Path:
    path = folder / "answers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def texts(engine: RecordedEngine, *prompts: str) -> list[str]:
    return [completion.text for completion in engine.complete(prompts)]


@pytest.mark.parametrize("style", ["completion", "chat"])
def test_an_answer_names_its_prompt_in_one_of_three_ways(tmp_path: Path, style: Style) -> None:
    other = PROMPT.replace("f(x)", "h(x)")
    path = answers(
        tmp_path,
        {"id": prompt_id(PROMPT), "completion": f"```python\n{BODY}```"},
        {"task_id": "t/1", "completion": f"```python\n{BODY}```"},
        {"prompt": "def q():", "completion": "```python\n    pass\n```"},
    )
    engine = RecordedEngine(path, style, {"t/1": other})
    assert texts(engine, PROMPT, other, "def q():\n") == [BODY, BODY, "    pass\n"]
    assert engine.unknown([PROMPT, other, "def q():\n"]) == 0
    assert engine.unknown([PROMPT]) == 2


def test_every_line_of_a_prompt_is_a_sample_whatever_names_it(tmp_path: Path) -> None:
    prompts = [f"def {name}(x):\n" for name in "fg"]
    rows = [
        row
        for task, prompt in enumerate(prompts)
        for row in (
            {"prompt": prompt, "completion": "    return 1\n"},
            {"prompt": prompt.rstrip(), "completion": "    return 2\n"},
            {"prompt": prompt + " ", "completion": "    return 3\n"},
            {"id": prompt_id(prompt), "completion": "    return 4\n"},
            {"task_id": task, "completion": "    return 5\n"},
        )
    ]
    engine = RecordedEngine(
        answers(tmp_path, *rows), "completion", {str(n): p for n, p in enumerate(prompts)}
    )
    for prompt in prompts:
        told = [c.text.strip()[-1] for c in engine.complete(prompts) if c.prompt == prompt]
        assert sorted(told) == list("12345")
    assert engine.unknown(prompts) == 0
    with pytest.raises(DataError, match=r"0 of 2 prompts .* 1, 4"):
        RecordedEngine(answers(tmp_path, *rows[:6]), "completion").require(prompts)


def test_prompts_that_differ_in_blanks_alone_have_answers_of_their_own(tmp_path: Path) -> None:
    path = answers(
        tmp_path,
        {"prompt": PROMPT, "completion": "    return 1\n"},
        {"prompt": f"{PROMPT}\n", "completion": "    return 2\n"},
    )
    engine = RecordedEngine(path, "completion")
    assert texts(engine, PROMPT, f"{PROMPT}\n", f"{PROMPT}\n\n")[:2] == [
        "    return 1\n",
        "    return 2\n",
    ]


def test_numbers_name_tasks_too(tmp_path: Path) -> None:
    engine = RecordedEngine(
        answers(tmp_path, {"task_id": 7, "completion": BODY}), "completion", {"7": PROMPT}
    )
    assert texts(engine, PROMPT) == [BODY]


@pytest.mark.parametrize(
    "row", [{"completion": BODY}, {"prompt": 3, "completion": BODY}, {"id": "x"}, {"task_id": None}]
)
def test_a_line_that_answers_nothing_is_named(tmp_path: Path, row: dict[str, object]) -> None:
    with pytest.raises(DataError, match=r"answers\.jsonl:1: needs the texts"):
        RecordedEngine(answers(tmp_path, row), "completion")
