"""Prompt healing with the quick profile's own tokenizer, on every HumanEval problem.

The model is built first where it is missing, which needs the package index.
"""

import pytest
from transformers import AutoTokenizer

from steadycode.generation.boundary import Healed, Vocabulary
from steadycode.models import resolve
from steadycode.problems import Problem, load_problems
from steadycode.project import Project

pytestmark = pytest.mark.slow

PROBLEMS = load_problems("humaneval")
ENDINGS = ["\n", "\n\n", " ", "    ", "\t", "\n\t", "\n    ", " \n"]


@pytest.fixture(scope="module")
def vocabulary(pytestconfig: pytest.Config) -> Vocabulary:
    folder = resolve("smollm2-135m-instruct", Project(pytestconfig.rootpath))
    return Vocabulary(AutoTokenizer.from_pretrained(folder))


def written(vocabulary: Vocabulary, healed: Healed) -> bytes:
    return b"".join(vocabulary.written[token] for token in healed.tokens) + healed.owed


def test_every_problem_is_there() -> None:
    assert len(PROBLEMS) == 164


def test_every_prompt_comes_back_byte_for_byte(vocabulary: Vocabulary) -> None:
    prompts = [problem.prompt for problem in PROBLEMS]
    varied = [prompt.rstrip() + ending for prompt in prompts[::17] for ending in ENDINGS]
    assert len(varied) == 10 * len(ENDINGS)
    for prompt in [*prompts, *varied]:
        healed = vocabulary.heal(prompt)
        assert written(vocabulary, healed) == prompt.encode()
        assert len(healed.tokens) > 1
        assert len(healed.owed) <= 12


@pytest.mark.parametrize("indent", ["    ", "\t"])
def test_an_indented_line_can_begin_with_one_token(vocabulary: Vocabulary, indent: str) -> None:
    """The tokenizer merges a newline and the indentation behind it; that token must be offered."""
    for problem in PROBLEMS:
        prompt = problem.prompt.rstrip() + "\n"
        healed = vocabulary.heal(prompt)
        assert healed.owed.endswith(b"\n")
        words = {vocabulary.written[token] for token in vocabulary.allowed(healed.owed)}
        assert any(word.endswith(b"\n" + indent.encode()[1:]) for word in words)
        merged = vocabulary.encode(prompt + indent + "return x")[len(healed.tokens)]
        assert b"\n" in vocabulary.written[merged]


def test_the_reference_solution_is_written_as_in_training(vocabulary: Vocabulary) -> None:
    """Prompt and solution, tokenized together, begin with the healed tokens and only ever go on
    with tokens that are offered."""
    for problem in PROBLEMS:
        for prompt in _cuts(problem):
            whole = problem.prompt + problem.canonical_solution
            healed = vocabulary.heal(prompt)
            tokens = vocabulary.encode(whole)
            assert tuple(tokens[: len(healed.tokens)]) == healed.tokens, problem.task_id
            owed = healed.owed
            for token in tokens[len(healed.tokens) :]:
                if not owed:
                    break
                assert token in vocabulary.allowed(owed), problem.task_id
                owed = owed[len(vocabulary.written[token]) :]
            assert not owed


def test_allowed_agrees_with_a_scan(vocabulary: Vocabulary) -> None:
    for owed in [b"\n", b" ", b"    ", b"\n\n    ret", b" x", b"\xc3\xa9", b"return"]:
        slow = [
            token
            for token, word in sorted(vocabulary.written.items())
            if word and (word.startswith(owed) or owed.startswith(word))
        ]
        assert vocabulary.allowed(owed) == slow


def _cuts(problem: Problem) -> list[str]:
    """The full prompt, one with half of the solution, and one that ends within an indentation."""
    lines = problem.canonical_solution.splitlines(keepends=True)
    middle = len(lines) // 2
    half = problem.prompt + "".join(lines[:middle])
    within = [half + "  "] if lines[middle].startswith("    ") else []
    return [problem.prompt, half, *within]
