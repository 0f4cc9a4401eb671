"""The engine against a slow, obvious decode loop, and its promises one by one."""

import math
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
import torch

from steadycode.config import Decoding
from steadycode.generation import ENGINE, Completion, complete
from steadycode.generation.boundary import Vocabulary
from steadycode.generation.decoding import _sample
from steadycode.generation.rows import Request, Row
from steadycode.generation.stopping import function_end
from steadycode.models import LanguageModel
from steadycode.problems import load_problems

PROMPTS = [problem.prompt for problem in load_problems("humaneval")[:12]]
GREEDY = Decoding(max_new_tokens=24, batch_size=4)
SAMPLED = Decoding(max_new_tokens=12, batch_size=5, samples=3, temperature=0.8, top_p=0.9)


def slow(model: LanguageModel, prompt: str, new_tokens: int) -> tuple[str, float, list[int]]:
    """No cache, no batch, the whole vocabulary searched at every step: text, mean log-probability
    and all tokens."""
    vocabulary = Vocabulary(model.tokenizer)
    healed = vocabulary.heal(prompt)
    tokens, owed, free, scores = list(healed.tokens), healed.owed, b"", []
    while len(scores) < new_tokens:
        with torch.no_grad():
            logits = model.model(torch.tensor([tokens])).logits[0, -1].double()
        fits = [
            word is None or word.startswith(owed) or owed.startswith(word)
            for word in map(vocabulary.written.get, range(len(logits)))
        ]
        if owed:
            fits[model.tokenizer.eos_token_id] = False
        logprobs = logits.masked_fill(~torch.tensor(fits), -math.inf).log_softmax(-1)
        token = int(logprobs.argmax())
        tokens.append(token)
        word = vocabulary.written.get(token)
        if word is None:
            break
        if len(word) > len(owed):
            scores.append(float(logprobs[token]))
        owed, free = owed[len(word) :], free + word[len(owed) :]
    text = free.decode("utf-8", "replace")
    end = function_end(prompt, text)
    return text[:end], sum(scores) / len(scores), tokens


def ordered(completions: Iterable[Completion]) -> list[Completion]:
    """They come in any order; ``prompt`` and ``sample`` say which."""
    return sorted(completions, key=lambda one: (one.prompt, one.sample))


def test_agrees_with_the_slow_loop(tiny: LanguageModel) -> None:
    for completion in complete(tiny, PROMPTS[:5], GREEDY):
        text, mean_logprob, _ = slow(tiny, completion.prompt, 24)
        if completion.finish_reason == "max_tokens":
            assert completion.text == text.rstrip("\ufffd") or completion.text == text
            assert completion.mean_logprob == pytest.approx(mean_logprob, abs=1e-5)
        else:
            assert completion.text == text


@pytest.mark.parametrize("batch_size", [1, 3, 12])
def test_texts_do_not_depend_on_the_batch(tiny: LanguageModel, batch_size: int) -> None:
    here = ordered(complete(tiny, PROMPTS, GREEDY))
    other = GREEDY.model_copy(update={"batch_size": batch_size})
    there = ordered(complete(tiny, PROMPTS, other))
    assert [c.text for c in there] == [c.text for c in here]
    assert [c.prompt for c in here] == sorted(PROMPTS)
    for one, two in zip(here, there, strict=True):
        assert one.mean_logprob == pytest.approx(two.mean_logprob, abs=1e-4)


def test_rows_outlive_the_buffers(tiny: LanguageModel) -> None:
    """150 tokens pass the spare columns twice, while rows of other ages come and go."""
    long = Decoding(max_new_tokens=150, batch_size=3)
    together = {c.prompt: c.text for c in complete(tiny, PROMPTS[:6], long)}
    alone = {prompt: next(complete(tiny, [prompt], long)).text for prompt in PROMPTS[:6]}
    assert together == alone


def test_samples_are_their_own(tiny: LanguageModel) -> None:
    first = ordered(complete(tiny, PROMPTS, SAMPLED, seed=1))
    again = ordered(
        complete(tiny, PROMPTS[::-1], SAMPLED.model_copy(update={"batch_size": 2}), seed=1)
    )
    assert [c.text for c in again] == [c.text for c in first]
    assert [c.sample for c in first] == [0, 1, 2] * len(PROMPTS)
    other = ordered(complete(tiny, PROMPTS, SAMPLED, seed=2))
    assert sum(a.text != b.text for a, b in zip(first, other, strict=True)) > 30
    assert len({c.text for c in first}) > 30


def test_nucleus_of_one_token_is_greedy(tiny: LanguageModel) -> None:
    narrow = GREEDY.model_copy(update={"temperature": 1.0, "top_p": 1e-9})
    assert {c.prompt: c.text for c in complete(tiny, PROMPTS, narrow)} == {
        c.prompt: c.text for c in complete(tiny, PROMPTS, GREEDY)
    }


@pytest.mark.parametrize(("top_p", "kept"), [(1.0, 12), (0.6, 5), (0.1, 1)])
def test_samples_follow_the_nucleus(tiny: LanguageModel, top_p: float, kept: int) -> None:
    logits = torch.linspace(0, 3, 12).flip(0)
    decoding = Decoding(temperature=2.0, top_p=top_p)
    chances = (logits / 2).softmax(-1)[:kept]
    assert chances[:-1].sum() < top_p
    vocabulary = Vocabulary(tiny.tokenizer)
    rows = [
        Row(Request("x", 0, vocabulary.heal("x")), vocabulary, (), decoding,
            torch.Generator().manual_seed(seed))
        for seed in range(4000)
    ]  # fmt: skip
    drawn = torch.bincount(_sample(logits.expand(4000, -1), rows, decoding), minlength=12) / 4000
    assert drawn[kept:].sum() == 0
    expected = chances / chances.sum()
    sigma = (expected * (1 - expected) / 4000).sqrt()
    assert ((drawn[:kept] - expected).abs() <= 4 * sigma).all()


def test_equal_prompts_are_completed_once(tiny: LanguageModel) -> None:
    seen: list[tuple[int, int]] = []
    prompts = [PROMPTS[0], PROMPTS[1], PROMPTS[0]]
    decoding = GREEDY.model_copy(update={"samples": 2})
    found = list(
        complete(
            tiny, prompts, decoding, on_progress=lambda done, total: seen.append((done, total))
        )
    )
    assert seen == [(1, 2), (2, 2)]
    assert Counter(c.prompt for c in found) == {PROMPTS[0]: 4, PROMPTS[1]: 2}
    for first, second in zip(found[::2], found[1::2], strict=True):  # samples follow one another
        assert (first.sample, second) == (0, replace(first, sample=1))


def test_a_prompt_beyond_the_window_is_not_cut(tiny: LanguageModel) -> None:
    long = "x = 1\n" * 2000
    first, second = complete(tiny, [long, PROMPTS[0]], GREEDY)
    assert (first.text, first.finish_reason, first.mean_logprob) == ("", "window", None)
    assert second.finish_reason != "window"


def test_end_of_text_ends(tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    greedy = next(complete(tiny, PROMPTS[:1], GREEDY))
    _, _, tokens = slow(tiny, PROMPTS[0], 24)
    stop = tokens[-12]  # not among those before it
    monkeypatch.setattr(tiny.model.generation_config, "eos_token_id", [0, stop])
    stopped = next(complete(tiny, PROMPTS[:1], GREEDY))
    assert stopped.finish_reason == "end_of_text"
    assert greedy.text.startswith(stopped.text)
    assert len(stopped.text) < len(greedy.text)


@pytest.mark.parametrize("prompt", ["", "x", "中", "\n", "def f(x):\n    \t"])
def test_odd_prompts(tiny: LanguageModel, prompt: str) -> None:
    (completion,) = complete(tiny, [prompt], GREEDY)
    assert completion.prompt == prompt
    assert completion.finish_reason != "window"


def test_nothing_in_nothing_out(tiny: LanguageModel) -> None:
    assert list(complete(tiny, [], GREEDY)) == []


def test_engine_names_its_libraries() -> None:
    assert f"torch {torch.__version__}" in ENGINE


def test_import_is_light() -> None:
    code = "import steadycode.generation, steadycode.models, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
