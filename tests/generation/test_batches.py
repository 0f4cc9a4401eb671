"""Batches: planned by the inputs alone, replayed whole in bf16, halved when memory runs out."""

import json
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
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
from steadycode.models import LanguageModel, load
from steadycode.problems import load_problems

PROMPTS = [problem.prompt for problem in load_problems("humaneval")[:14]]
GREEDY = Decoding(max_new_tokens=12, batch_size=4)


@pytest.fixture(scope="module")
def tiny_bf16(tiny_folder: Path) -> LanguageModel:
    return load(tiny_folder, "bfloat16")


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


def texts(completions: Iterable[Completion]) -> list[Completion]:
    """Without the last digits of the sums, which depend on the rows beside in float32 too."""
    return [replace(one, mean_logprob=0) for one in completions]


def requests(tiny: LanguageModel) -> list[Request]:
    vocabulary = Vocabulary(tiny.tokenizer)
    return [Request(prompt, sample, vocabulary.heal(prompt)) for prompt in PROMPTS
            for sample in range(2)]  # fmt: skip


def test_the_plan_does_not_depend_on_the_order(tiny: LanguageModel) -> None:
    some = requests(tiny)
    expected = plan(some, 5, exact=False)
    assert [len(batch) for batch in expected] == [5, 5, 5, 5, 5, 3]
    for seed in range(5):
        random.Random(seed).shuffle(some)
        assert plan(some, 5, exact=False) == expected
        assert plan(some, 5, exact=True) == [[one for batch in expected for one in batch]]
    assert plan([], 5, exact=True) == plan([], 5, exact=False) == []


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
    together = [one.text for one in complete(tiny, kin, GREEDY)]
    hook.remove()
    assert together == [next(complete(tiny, [prompt], GREEDY)).text for prompt in kin]
    prefills = [size for size in seen if size > 1]
    assert len(prefills) == 6
    assert max(prefills[1:]) < 10 < prefills[0]


def test_tokens_bound_the_rows(tiny: LanguageModel) -> None:
    sizes: list[int] = []
    longest = max(one.longest for one in requests(tiny)) + GREEDY.max_new_tokens
    few = GREEDY.model_copy(update={"batch_size": 14, "batch_tokens": 3 * longest})
    with watching(tiny, sizes.append):
        texts = [one.text for one in complete(tiny, PROMPTS, few)]
    assert max(sizes) >= 3  # shorter prompts leave room for more
    assert texts == [one.text for one in complete(tiny, PROMPTS, GREEDY)]
    sizes.clear()
    with watching(tiny, sizes.append):
        assert texts == [one.text for one in complete(
            tiny, PROMPTS, few.model_copy(update={"batch_tokens": 1}))]  # fmt: skip
    assert set(sizes) == {1}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_killed_and_killed_again_it_ends_with_the_same_bytes(
    tiny: LanguageModel, tiny_bf16: LanguageModel, tmp_path: Path, precision: str
) -> None:
    model = tiny if precision == "float32" else tiny_bf16
    decoding = GREEDY.model_copy(update={"samples": 2, "temperature": 0.8})
    expected = list(complete(model, PROMPTS, decoding, cache=tmp_path / "whole"))
    cache, chance = tmp_path / "killed", random.Random(precision)
    for _ in range(5):
        left = chance.randrange(3, 19)  # of about 98 forward passes

        def look(rows: int) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed

        with watching(model, look), pytest.raises(Killed):
            list(complete(model, PROMPTS, decoding, cache=cache))
    found = list(complete(model, PROMPTS, decoding, cache=cache))
    with watching(model, pytest.fail):
        assert list(complete(model, PROMPTS, decoding, cache=cache)) == found
    whole, killed = lines(tmp_path / "whole"), lines(cache)
    assert len(whole) == 28
    if precision == "float32":
        assert texts(found) == texts(expected)
        assert len(killed) == 28
    else:
        assert found == expected
        assert {json.dumps(row) for row in killed} == {json.dumps(row) for row in whole}
        assert len(killed) - 28 < 5 * 4


def test_in_bf16_a_batch_with_a_gap_is_replayed_whole(
    tiny_bf16: LanguageModel, tmp_path: Path
) -> None:
    list(complete(tiny_bf16, PROMPTS, GREEDY, cache=tmp_path))
    (file,) = tmp_path.rglob("*.jsonl")
    whole = file.read_bytes()
    rows = whole.splitlines(keepends=True)
    assert len({json.loads(row)["batch"] for row in rows}) == 4
    file.write_bytes(b"".join(rows[:5] + rows[6:]))
    told: list[str] = []
    list(complete(tiny_bf16, PROMPTS, GREEDY, cache=tmp_path, on_message=told.append))
    assert told == ["10 of 14 completions found, 4 to generate"]
    assert file.read_bytes() == b"".join([*rows[:5], *rows[6:], *rows[4:8]])
    other = GREEDY.model_copy(update={"batch_size": 5})
    list(complete(tiny_bf16, PROMPTS, other, cache=tmp_path, on_message=told.append))
    assert told[1] == "0 of 14 completions found, 14 to generate"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_out_of_memory_halves_the_batch(
    tiny: LanguageModel, tiny_bf16: LanguageModel, tmp_path: Path, precision: str
) -> None:
    model = tiny if precision == "float32" else tiny_bf16
    decoding = GREEDY.model_copy(update={"batch_size": 8})
    told: list[str] = []

    def small(rows: int) -> None:
        if rows > 3:
            raise torch.OutOfMemoryError("too large")

    with watching(model, small):
        first = list(complete(model, PROMPTS, decoding, cache=tmp_path, on_message=told.append))
        assert told[1:] == ["out of memory with 8 prompts at a time; going on with 4",
                            "out of memory with 4 prompts at a time; going on with 2"]  # fmt: skip
        count = len(lines(tmp_path))
        assert list(complete(model, PROMPTS, decoding, cache=tmp_path)) == first
    if precision == "float32":
        assert texts(first) == texts(complete(model, PROMPTS, decoding))
        assert count == 14
    assert [one.prompt for one in first] == PROMPTS
    assert len(lines(tmp_path)) == count  # found, though memory ran out on the way


def test_a_single_prompt_that_does_not_fit_is_one_line(tiny: LanguageModel) -> None:
    def none_at_all(rows: int) -> None:
        raise torch.OutOfMemoryError("too large")

    with (
        watching(tiny, none_at_all),
        pytest.raises(ModelError, match=r"a prompt of \d+ tokens does not fit into the memory"),
    ):
        list(complete(tiny, PROMPTS, GREEDY))


def test_completions_come_while_others_are_generated(tiny: LanguageModel) -> None:
    steps: list[tuple[int, int]] = []
    stream: Iterator[Completion] = complete(
        tiny, PROMPTS, GREEDY, on_progress=lambda *step: steps.append(step)
    )
    longest_first = plan(requests(tiny), 1, exact=True)[0][0].prompt
    by_length = complete(tiny, [longest_first, *PROMPTS], GREEDY,
                         on_progress=lambda *step: steps.append(step))  # fmt: skip
    next(by_length)
    assert len(steps) < 8
    steps.clear()
    assert len(list(stream)) == 14
    assert steps == [(done, 14) for done in range(1, 15)]
