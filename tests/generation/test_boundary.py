"""A healed prompt gives its bytes back, and its tokens stand whatever follows.

The slow tests use the quick profile's own tokenizer; its model is built first where it is missing,
which needs the package index.
"""

import itertools
import json

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from steadycode.generation.boundary import Healed, Vocabulary
from steadycode.models import LanguageModel, resolve
from steadycode.problems import Problem, load_problems
from steadycode.project import Project

ENDINGS = ["", " ", "    ", "\t", "\n", "\n\n", "\n    ", "\n\t\t", "  \n \n", "    retu", "x"]
PROMPTS = ["", " ", "\n", "def f(x):\n    ", "x = 'don", "café", "中文 ab中", "f(", "x = 12", "é\n",
           "<|endoftext|>\n", "a\r\n", "\U0001f600", "if x:\n\treturn  "]  # fmt: skip
FOLLOWING = ["", "a", "ing", " ", "    x", "\n", "\n    y", "\t", "'s", "1", "=", '"""', "é", "中"]


@pytest.fixture(params=["tiny", "sentencepiece", pytest.param("real", marks=pytest.mark.slow)])
def vocabulary(request: pytest.FixtureRequest) -> Vocabulary:
    if request.param == "sentencepiece":
        return Vocabulary(_sentencepiece())
    if request.param == "real":
        real: Vocabulary = request.getfixturevalue("real")
        return real
    tiny: LanguageModel = request.getfixturevalue("tiny")
    return Vocabulary(tiny.tokenizer)


@pytest.fixture(scope="module")
def real(pytestconfig: pytest.Config) -> Vocabulary:
    folder = resolve("smollm2-135m-instruct", Project(pytestconfig.rootpath))
    return Vocabulary(AutoTokenizer.from_pretrained(folder))


def _sentencepiece(
    normalizer: list[normalizers.Normalizer] | None = None,
) -> PreTrainedTokenizerFast:
    """As Llama 2's: a space before the text, spaces written as a sign, byte fallback."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    spaces = [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    tokenizer.normalizer = normalizers.Sequence([*(normalizer or []), *spaces])
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("\u2581", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=900,
        special_tokens=["<unk>", "<s>", *(f"<0x{byte:02X}>" for byte in range(256))],
        show_progress=False,
    )
    # merges must not span words; the trainer knows words by a pre-tokenizer only
    tokenizer.pre_tokenizer = pre_tokenizers.Split("\u2581", "merged_with_next")
    tokenizer.train_from_iterator([p.prompt for p in load_problems("humaneval")[:40]], trainer)
    tokenizer.pre_tokenizer = None
    return _with_plain_bytes(tokenizer)


def _with_plain_bytes(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """Byte tokens belong to the vocabulary, not to the special tokens."""
    described = json.loads(tokenizer.to_str())
    described["added_tokens"] = described["added_tokens"][:2]
    plain = Tokenizer.from_str(json.dumps(described))
    return PreTrainedTokenizerFast(tokenizer_object=plain, bos_token="<s>", unk_token="<unk>")


def written(vocabulary: Vocabulary, healed: Healed) -> bytes:
    tokens = b"".join(vocabulary.written.get(token, b"") for token in healed.tokens)
    return tokens + healed.owed


def test_every_prompt_comes_back_byte_for_byte(vocabulary: Vocabulary) -> None:
    lead = written(vocabulary, vocabulary.heal(""))
    prompts = [problem.prompt for problem in load_problems("humaneval")]
    varied = [prompt.rstrip() + ending for prompt in prompts for ending in ENDINGS]
    for prompt in [*prompts, *varied, *PROMPTS]:
        assert written(vocabulary, vocabulary.heal(prompt)) == lead + prompt.encode()


def test_kept_tokens_stand_whatever_follows(vocabulary: Vocabulary) -> None:
    prompts = [p.prompt.rstrip() for p in load_problems("humaneval")[::20]]
    texts = [text + end for text, end in itertools.product(["", *prompts], ENDINGS)]
    for text in [*texts, *PROMPTS]:
        healed = vocabulary.heal(text)
        if written(vocabulary, Healed((), healed.owed)) == written(vocabulary, healed):
            continue  # everything is owed: only a token to begin with is left
        for following in FOLLOWING:
            tokens = vocabulary.encode(text + following)
            assert tokens[: len(healed.tokens)] == list(healed.tokens), (text, following)


def test_only_what_may_change_is_owed(vocabulary: Vocabulary) -> None:
    for problem in load_problems("humaneval"):
        assert len(vocabulary.heal(problem.prompt).owed) <= 12


def test_newline_is_owed_where_indentation_merges(tiny: LanguageModel) -> None:
    vocabulary = Vocabulary(tiny.tokenizer)
    healed = vocabulary.heal("def f(x):\n")
    assert healed.owed == b"\n"
    merged = {vocabulary.written[token] for token in vocabulary.allowed(b"\n")}
    assert {b"\n", b"\n   "} <= merged


def test_allowed_agrees_with_a_scan(vocabulary: Vocabulary) -> None:
    for owed in [b"\n", b" ", b"    ", b"\n\n    ret", b" x", b"\xc3\xa9", b"return"]:
        slow = [
            token
            for token, word in sorted(vocabulary.written.items())
            if word and (word.startswith(owed) or owed.startswith(word))
        ]
        assert vocabulary.allowed(owed) == slow


def test_special_tokens_are_text_in_a_prompt(tiny: LanguageModel) -> None:
    vocabulary = Vocabulary(tiny.tokenizer)
    end = tiny.tokenizer.eos_token_id
    assert end not in vocabulary.heal("x = '<|endoftext|>'\n").tokens
    assert end not in vocabulary.written


def test_normalised_text_is_owed_as_written() -> None:
    vocabulary = Vocabulary(_sentencepiece([normalizers.NFC()]))
    prompt = "x = 'cafe\u0301'\n    retu"
    healed = vocabulary.heal(prompt)
    assert healed.owed == b" retu"
    assert written(vocabulary, Healed(healed.tokens, b"")).decode() == " x = 'caf\u00e9'\n   "


def test_lone_surrogates_do_not_stop_it(tiny: LanguageModel) -> None:
    assert Vocabulary(tiny.tokenizer).heal("x = '\ud800'\n").owed == b"\n"


@pytest.mark.slow
@pytest.mark.parametrize("indent", ["    ", "\t"])
def test_an_indented_line_can_begin_with_one_token(real: Vocabulary, indent: str) -> None:
    """The tokenizer merges a newline and the indentation behind it; that token must be offered."""
    for problem in load_problems("humaneval"):
        prompt = problem.prompt.rstrip() + "\n"
        healed = real.heal(prompt)
        assert healed.owed.endswith(b"\n")
        words = {real.written[token] for token in real.allowed(healed.owed)}
        assert any(word.endswith(b"\n" + indent.encode()[1:]) for word in words)
        merged = real.encode(prompt + indent + "return x")[len(healed.tokens)]
        assert b"\n" in real.written[merged]


@pytest.mark.slow
def test_the_reference_solution_is_written_as_in_training(real: Vocabulary) -> None:
    """Prompt and solution, tokenized together, begin with the healed tokens and only ever go on
    with tokens that are offered."""
    for problem in load_problems("humaneval"):
        for prompt in _cuts(problem):
            whole = problem.prompt + problem.canonical_solution
            healed = real.heal(prompt)
            tokens = real.encode(whole)
            assert tuple(tokens[: len(healed.tokens)]) == healed.tokens, problem.task_id
            owed = healed.owed
            for token in tokens[len(healed.tokens) :]:
                if not owed:
                    break
                assert token in real.allowed(owed), problem.task_id
                owed = owed[len(real.written[token]) :]
            assert not owed


def _cuts(problem: Problem) -> list[str]:
    """The full prompt, one with half of the solution, and one that ends within an indentation."""
    lines = problem.canonical_solution.splitlines(keepends=True)
    middle = len(lines) // 2
    half = problem.prompt + "".join(lines[:middle])
    within = [half + "  "] if lines[middle].startswith("    ") else []
    return [problem.prompt, half, *within]
