"""Batches: planned by the inputs alone, replayed whole in bf16, halved when memory runs out."""

import json
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from steadycode.config import Decoding
from steadycode.errors import ModelError
from steadycode.generation import Completion, complete
from steadycode.generation.batches import plan
from steadycode.generation.boundary import Vocabulary
from steadycode.generation.rows import Request
from steadycode.models import LanguageModel
from steadycode.problems import load_problems

PROMPTS = [problem.prompt for problem in load_problems("humaneval")[:14]]
GREEDY = Decoding(max_new_tokens=12, batch_size=4)


@contextmanager
def watching(model: LanguageModel, look: Callable[[int], None]) -> Iterator[None]:
    """``look`` is told the number of rows of each forward pass before it is made."""

    def hook(module: Any, arguments: Any, options: dict[str, Any]) -> None:
        look(options["input_ids"].shape[0])

    handle = model.model.register_forward_pre_hook(hook, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


class Killed(Exception):
    pass


def lines(cache: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in cache.rglob("*.jsonl") for line in file.open()]


def by_key(completions: Iterable[Completion]) -> dict[tuple[str, int], Completion]:
    """They come in any order; no two are of the same prompt and sample."""
    every = list(completions)
    found = {(one.prompt, one.sample): one for one in every}
    assert len(found) == len(every)
    return found


def texts(completions: Iterable[Completion]) -> dict[tuple[str, int], str]:
    """Without the sums, whose last digits depend on the rows beside in float32 too."""
    return {key: one.text for key, one in by_key(completions).items()}


def requests(tiny: LanguageModel) -> list[Request]:
    vocabulary = Vocabulary(tiny.tokenizer)
    return [Request(prompt, sample, vocabulary.heal(prompt)) for prompt in PROMPTS
            for sample in range(2)]  # fmt: skip


def test_the_plan_does_not_depend_on_the_order(tiny: LanguageModel) -> None:
    some = requests(tiny)
    expected = plan(some, 3, exact=False)
    assert [len(batch) for batch in expected] == [9, 9, 10]  # at most 4 * 3
    for seed in range(5):
        random.Random(seed).shuffle(some)
        assert plan(some, 3, exact=False) == expected
        assert plan(some, 3, exact=True) == [[one for batch in expected for one in batch]]
    assert [len(batch) for batch in plan(some, 7, exact=False)] == [28]
    assert plan([], 3, exact=True) == plan([], 3, exact=False) == []


def test_long_prompts_come_first_and_kin_side_by_side(tiny: LanguageModel) -> None:
    begin = PROMPTS[0]
    kin = [begin, begin + "    x = 1\n", begin + "    x = 1\n    y = 2\n"]
    vocabulary = Vocabulary(tiny.tokenizer)
    mixed = [Request(prompt, 0, vocabulary.heal(prompt)) for prompt in [*PROMPTS[1:], *kin[::-1]]]
    (ordered,) = plan(mixed, 1, exact=True)
    places = [one.prompt for one in ordered]
    at = places.index(kin[0])
    assert places[at : at + 3] == kin
    longest = [len(one.healed.tokens) for one in ordered if one.prompt not in kin]
    assert longest == sorted(longest, reverse=True)


def test_a_shared_beginning_changes_no_text(tiny: LanguageModel) -> None:
    kin = [PROMPTS[0] + "    x = 1\n" * count for count in range(6)]
    seen: list[int] = []
    hook = tiny.model.register_forward_pre_hook(
        lambda module, arguments, options: seen.append(options["input_ids"].shape[1]),
        with_kwargs=True,
    )
    together = {one.prompt: one.text for one in complete(tiny, kin, GREEDY)}
    hook.remove()
    assert together == {prompt: next(complete(tiny, [prompt], GREEDY)).text for prompt in kin}
    prefills = [size for size in seen if size > 1]
    assert len(prefills) == 6
    assert max(prefills[1:]) < 10 < prefills[0]


def test_tokens_bound_the_rows(tiny: LanguageModel) -> None:
    sizes: list[int] = []
    longest = max(one.longest for one in requests(tiny)) + GREEDY.max_new_tokens
    few = GREEDY.model_copy(update={"batch_size": 14, "batch_tokens": 3 * longest})
    with watching(tiny, sizes.append):
        expected = texts(complete(tiny, PROMPTS, few))
    assert max(sizes) >= 3  # shorter prompts leave room for more
    assert expected == texts(complete(tiny, PROMPTS, GREEDY))
    sizes.clear()
    with watching(tiny, sizes.append):
        one_token = few.model_copy(update={"batch_tokens": 1})
        assert expected == texts(complete(tiny, PROMPTS, one_token))
    assert set(sizes) == {1}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_killed_and_killed_again_it_ends_with_the_same_bytes(
    tiny: LanguageModel, tiny_bf16: LanguageModel, tmp_path: Path, precision: str
) -> None:
    model = tiny if precision == "float32" else tiny_bf16
    decoding = GREEDY.model_copy(update={"batch_size": 2, "samples": 2, "temperature": 0.8})
    expected = by_key(complete(model, PROMPTS, decoding, cache=tmp_path / "whole"))
    cache, chance = tmp_path / "killed", random.Random(precision)
    for _ in range(5):
        left = chance.randrange(3, 70)  # of about 190 forward passes, 48 to a batch

        def look(rows: int) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed

        with watching(model, look), pytest.raises(Killed):
            list(complete(model, PROMPTS, decoding, cache=cache))
    found = by_key(complete(model, PROMPTS, decoding, cache=cache))
    with watching(model, pytest.fail):
        assert by_key(complete(model, PROMPTS, decoding, cache=cache)) == found
    whole, killed = lines(tmp_path / "whole"), lines(cache)
    assert len(whole) == 28
    if precision == "float32":
        assert texts(found.values()) == texts(expected.values())
        assert len(killed) == 28
    else:
        assert found == expected
        assert {json.dumps(row) for row in killed} == {json.dumps(row) for row in whole}
        assert 0 < len(killed) - 28 < 5 * 7


def test_in_bf16_a_batch_with_a_gap_is_replayed_whole(
    tiny_bf16: LanguageModel, tmp_path: Path
) -> None:
    two = GREEDY.model_copy(update={"batch_size": 2})
    list(complete(tiny_bf16, PROMPTS, two, cache=tmp_path))
    (file,) = tmp_path.rglob("*.jsonl")
    rows = file.read_bytes().splitlines(keepends=True)
    assert [json.loads(row)["batch"] for row in rows] == [
        json.loads(rows[number])["batch"] for number in [0] * 7 + [-1] * 7
    ]
    file.write_bytes(b"".join(rows[:9] + rows[10:]))
    told: list[str] = []
    list(complete(tiny_bf16, PROMPTS, two, cache=tmp_path, on_message=told.append))
    assert told == ["7 of 14 completions found, 7 to generate"]
    assert file.read_bytes() == b"".join([*rows[:9], *rows[10:], *rows[7:]])
    three = GREEDY.model_copy(update={"batch_size": 3})
    list(complete(tiny_bf16, PROMPTS, three, cache=tmp_path, on_message=told.append))
    assert told[1] == "0 of 14 completions found, 14 to generate"


def test_in_bf16_rows_begin_where_others_end(tiny_bf16: LanguageModel) -> None:
    """A batch decodes with few rows only at its end."""
    rows: list[int] = []
    decoding = Decoding(max_new_tokens=40, batch_size=3)
    with watching(tiny_bf16, rows.append):
        list(complete(tiny_bf16, PROMPTS[:12], decoding))
    decoded = [count for count in rows if count > 1]  # a prompt is read alone
    assert decoded == sorted(decoded, reverse=True)
    assert decoded.count(3) > 3 * decoded.count(2)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_out_of_memory_halves_the_rows(
    tiny: LanguageModel, tiny_bf16: LanguageModel, tmp_path: Path, precision: str
) -> None:
    model = tiny if precision == "float32" else tiny_bf16
    decoding = GREEDY.model_copy(update={"batch_size": 8})
    told: list[str] = []

    def small(rows: int) -> None:
        if rows > 1:
            raise torch.OutOfMemoryError("too large")

    with watching(model, small):
        first = by_key(complete(model, PROMPTS, decoding, cache=tmp_path, on_message=told.append))
        assert told[1:] == ["out of memory with 4 prompts at a time; going on with 2",
                            "out of memory with 2 prompts at a time; going on with 1"]  # fmt: skip
        count = len(lines(tmp_path))
        assert by_key(complete(model, PROMPTS, decoding, cache=tmp_path)) == first
    if precision == "float32":
        assert texts(first.values()) == texts(complete(model, PROMPTS, decoding))
    assert sorted(prompt for prompt, _ in first) == sorted(PROMPTS)
    assert count == len(lines(tmp_path)) == 14  # found, though memory ran out on the way


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_ended_before_memory_ran_out_stays(
    tiny: LanguageModel, tiny_bf16: LanguageModel, tmp_path: Path, precision: str
) -> None:
    model = tiny if precision == "float32" else tiny_bf16

    def run() -> tuple[dict[tuple[str, int], Completion], int]:
        """The completions, and how many there were when memory ran out."""
        passes = done = ended = 0

        def late(rows: int) -> None:
            nonlocal passes
            passes += 1
            if passes > 25 and rows == 4:
                raise torch.OutOfMemoryError("too large")

        def message(text: str) -> None:
            nonlocal ended
            if text.startswith("out of memory"):
                ended = done

        def progress(so_far: int, total: int) -> None:
            nonlocal done
            done = so_far

        with watching(model, late):
            found = by_key(complete(model, PROMPTS, GREEDY, cache=tmp_path,
                                    on_message=message, on_progress=progress))  # fmt: skip
        return found, ended

    first, ended = run()
    assert 0 < ended < 14
    assert set(first) == {(prompt, 0) for prompt in PROMPTS}
    again, _ = run()
    assert again == first


def test_a_single_prompt_that_does_not_fit_is_one_line(tiny: LanguageModel) -> None:
    def none_at_all(rows: int) -> None:
        raise torch.OutOfMemoryError("too large")

    with (
        watching(tiny, none_at_all),
        pytest.raises(ModelError, match=r"a prompt of \d+ tokens does not fit into the memory"),
    ):
        list(complete(tiny, PROMPTS, GREEDY))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_completions_come_before_the_last_prompt_is_read(
    tiny: LanguageModel, tiny_bf16: LanguageModel, precision: str
) -> None:
    model = tiny if precision == "float32" else tiny_bf16
    read = 0

    def hook(module: Any, arguments: Any, options: dict[str, Any]) -> None:
        nonlocal read
        rows, tokens = options["input_ids"].shape
        read += rows if tokens > 1 else 0

    handle = model.model.register_forward_pre_hook(hook, with_kwargs=True)
    read_before = [read for _ in complete(model, PROMPTS, GREEDY)]
    handle.remove()
    assert len(read_before) == read == 14
    assert read_before == sorted(read_before)
    assert read_before[0] <= 4  # as many as decode at a time
    assert read_before[4] <= 8


def test_progress_counts_every_completion(tiny: LanguageModel) -> None:
    steps: list[tuple[int, int]] = []
    list(complete(tiny, PROMPTS, GREEDY, on_progress=lambda *step: steps.append(step)))
    assert steps == [(done, 14) for done in range(1, 15)]
