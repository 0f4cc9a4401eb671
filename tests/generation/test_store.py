"""Completions on disk: what is not what was written counts as not there."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from steadycode.config import Decoding
from steadycode.errors import SteadycodeError
from steadycode.generation import Completion, complete
from steadycode.generation.store import Store
from steadycode.models import LanguageModel
from steadycode.problems import load_problems

PROMPTS = [problem.prompt for problem in load_problems("humaneval")[:8]]
GREEDY = Decoding(max_new_tokens=8, batch_size=4)
SAMPLED = Decoding(max_new_tokens=8, batch_size=4, samples=2, temperature=0.8)


def said(number: int, text: str = "    return 1\n", sample: int = 0) -> Completion:
    return Completion(prompt=f"def f{number}():\n", sample=sample, text=text,
                      finish_reason="function_end", mean_logprob=-number / 3)  # fmt: skip


@contextmanager
def refusing(model: LanguageModel) -> Iterator[None]:
    """No forward pass is made within the block."""

    def refuse(*_: object) -> None:
        raise AssertionError("a completion was generated")

    hook = model.model.register_forward_pre_hook(refuse)
    try:
        yield
    finally:
        hook.remove()


def found(path: Path, completions: list[Completion], batch: str = "") -> list[int]:
    """Numbers of those that a new reader finds, each as it was written."""
    store = Store(path)
    there = [store.get(batch, one.prompt, one.sample) for one in completions]
    assert all(one is None or one == other for one, other in zip(there, completions, strict=True))
    return [number for number, one in enumerate(there) if one is not None]


@pytest.fixture
def ten(tmp_path: Path) -> tuple[Path, list[Completion]]:
    path = tmp_path / "model" / "said.jsonl"
    completions = [said(number) for number in range(10)]
    store = Store(path)
    for one in completions:
        store.add("", one)
    return path, completions


def test_any_text_and_figure_comes_back(tmp_path: Path) -> None:
    texts = ["", "\n", "a\u2028b\x85c\r\nd\x00", "\ud800", "\U0001f600", '"}\n{"', "x" * 10**6]
    completions = [said(number, text) for number, text in enumerate(texts)]
    completions.append(Completion(prompt="\ud800", sample=3, text="", finish_reason="end_of_text",
                                  mean_logprob=None))  # fmt: skip
    store = Store(tmp_path / "said.jsonl")
    for one in completions:
        store.add("a batch", one)
    assert found(tmp_path / "said.jsonl", completions, "a batch") == list(range(8))
    assert found(tmp_path / "said.jsonl", completions) == []


@pytest.mark.parametrize("cut", [1, 2, 40, 100])
def test_a_torn_line_is_redone_and_spoils_no_other(
    ten: tuple[Path, list[Completion]], cut: int
) -> None:
    path, completions = ten
    content = path.read_bytes()
    path.write_bytes(content[:-cut])
    rest = list(range(9)) if cut > 1 else list(range(10))  # without its newline it is still whole
    assert found(path, completions) == rest
    Store(path).add("", completions[9])
    assert found(path, completions) == list(range(10))


def test_every_flipped_byte_is_noticed(ten: tuple[Path, list[Completion]]) -> None:
    path, completions = ten
    content = path.read_bytes()
    begin = content.index(b"\n") + 1
    end = content.index(b"\n", begin)
    for place in range(begin, end):
        altered = bytearray(content)
        altered[place] ^= 1
        path.write_bytes(altered)
        assert found(path, completions) == [0, *range(2, 10)], place


def test_foreign_lines_are_skipped(ten: tuple[Path, list[Completion]]) -> None:
    path, completions = ten
    lines = path.read_bytes().splitlines()
    foreign = [b"", b"null", b"[]", b'"x"', b"{}", b'{"sha256": 1}', b"\xff\xfe", b"\x00" * 50,
               b"[" * 100_000, b'{"sha256": "' + b"0" * 64 + b'"}']  # fmt: skip
    random.Random(0).shuffle(lines)
    mixed = [line for pair in zip(foreign, lines, strict=True) for line in pair]
    path.write_bytes(b"\n".join(mixed))
    assert found(path, completions) == list(range(10))


def test_two_writers_at_once(tmp_path: Path) -> None:
    path = tmp_path / "said.jsonl"
    code = (
        "import sys; from pathlib import Path; from test_store import Store, said\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for number in range(300): store.add(sys.argv[2], said(number, 'x' * (number * 37 % 9000)))"
    )
    path_to = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(path), name],
                         env={**os.environ, "PYTHONPATH": path_to})
        for name in "ab"
    ]  # fmt: skip
    assert [writer.wait(60) for writer in writers] == [0, 0]
    completions = [said(number, "x" * (number * 37 % 9000)) for number in range(300)]
    assert found(path, completions, "a") == found(path, completions, "b") == list(range(300))
    assert path.read_bytes().count(b"\n") == 600


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SteadycodeError, match=r"cannot keep completions in .*said\.jsonl"):
        Store(tmp_path / "file" / "said.jsonl").add("", said(1))


@pytest.mark.parametrize("decoding", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_what_was_said_is_not_generated_again(
    tiny: LanguageModel, tmp_path: Path, decoding: Decoding
) -> None:
    told: list[str] = []
    total = len(PROMPTS) * decoding.samples
    first = set(complete(tiny, PROMPTS, decoding, cache=tmp_path, on_message=told.append))
    steps: list[tuple[int, int]] = []
    with refusing(tiny):
        again = set(
            complete(tiny, PROMPTS, decoding, cache=tmp_path, on_message=told.append,
                     on_progress=lambda *step: steps.append(step))
        )  # fmt: skip
    assert len(first) == total
    assert again == first
    assert told == [f"0 of {total} completions found, {total} to generate",
                    f"{total} of {total} completions found, 0 to generate"]  # fmt: skip
    assert steps == [(total, total)]


def test_only_what_is_missing_is_generated(tiny: LanguageModel, tmp_path: Path) -> None:
    whole = list(complete(tiny, PROMPTS, GREEDY))
    list(complete(tiny, PROMPTS[:5], GREEDY, cache=tmp_path))
    (file,) = tmp_path.rglob("*.jsonl")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    kept = len(content[: len(content) // 2].splitlines()) - 1
    told: list[str] = []
    again = list(complete(tiny, PROMPTS, GREEDY, cache=tmp_path, on_message=told.append))
    assert told == [f"{kept} of 8 completions found, {8 - kept} to generate"]
    assert {one.prompt: one.text for one in again} == {one.prompt: one.text for one in whole}


@pytest.mark.parametrize(
    "change",
    [{"max_new_tokens": 9}, {"temperature": 0.7}, {"temperature": 0.8, "top_p": 0.5}, {"seed": 1}],
    ids=str,
)
def test_other_conditions_find_nothing(
    tiny: LanguageModel, tmp_path: Path, change: dict[str, int]
) -> None:
    before = SAMPLED
    list(complete(tiny, PROMPTS[:1], before, cache=tmp_path))
    settings = {name: value for name, value in change.items() if name != "seed"}
    told: list[str] = []
    after = before.model_copy(update=settings)
    seed = change.get("seed", 0)
    list(complete(tiny, PROMPTS[:1], after, seed=seed, cache=tmp_path, on_message=told.append))
    assert told == ["0 of 2 completions found, 2 to generate"]


def test_what_does_not_matter_does_not_count(tiny: LanguageModel, tmp_path: Path) -> None:
    """A greedy text has no seed, and in float32 it does not depend on the batch."""
    first = list(complete(tiny, PROMPTS[:2], GREEDY, cache=tmp_path))
    other = GREEDY.model_copy(update={"batch_size": 1, "batch_tokens": 10, "top_p": 0.5})
    with refusing(tiny):
        assert list(complete(tiny, PROMPTS[:2], other, seed=5, cache=tmp_path)) == first
