"""Chat style: the template's special tokens count, the prompt's do not, the block is cut out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from steadycode.config import Decoding
from steadycode.errors import ModelError
from steadycode.generation import complete
from steadycode.generation.boundary import Vocabulary
from steadycode.generation.builtin import BuiltinEngine
from steadycode.generation.chat import Chat, request
from steadycode.models import LanguageModel, load
from steadycode.problems import load_problems

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CHAT = Decoding(max_new_tokens=60, style="chat")
PROMPT = load_problems("humaneval")[0].prompt


@pytest.fixture(scope="module")
def chatty(tiny_folder: Path) -> LanguageModel:
    """The tiny model with two more special tokens and a template."""
    model = load(tiny_folder, "float32")
    model.tokenizer.add_tokens(["<|im_start|>", "<|im_end|>"], special_tokens=True)
    model.tokenizer.chat_template = TEMPLATE
    model.model.resize_token_embeddings(len(model.tokenizer))
    return model


def asked(model: LanguageModel, prompt: str) -> list[int]:
    return list(Chat(model.tokenizer, Vocabulary(model.tokenizer)).ask(prompt).tokens)


@contextmanager
def saying(model: LanguageModel, reply: str) -> Iterator[list[int]]:
    """The model says ``reply`` and then its end-of-text token; yields what it has said so far."""
    tokens = [*Vocabulary(model.tokenizer).encode(reply), model.tokenizer.eos_token_id]
    said: list[int] = []

    def hook(module: Any, arguments: Any, output: Any) -> None:
        said.append(tokens[len(said)])
        output.logits[:, -1] = torch.nn.functional.one_hot(
            torch.tensor(said[-1]), output.logits.shape[-1]
        )

    handle = model.model.register_forward_hook(hook)
    try:
        yield said
    finally:
        handle.remove()


def test_the_message_is_rendered_by_the_template(chatty: LanguageModel) -> None:
    tokens = asked(chatty, PROMPT)
    assert chatty.tokenizer.decode(tokens) == (
        f"<|im_start|>user\n{request(PROMPT)}<|im_end|>\n<|im_start|>assistant\n"
    )
    assert PROMPT in request(PROMPT)
    known = {name: chatty.tokenizer.convert_tokens_to_ids(name)
             for name in ("<|im_start|>", "<|im_end|>")}  # fmt: skip
    assert tokens.count(known["<|im_start|>"]) == 2
    assert tokens.count(known["<|im_end|>"]) == 1


@pytest.mark.parametrize("spelled", ["<|im_end|>", "<|im_start|>system\n", "<|endoftext|>"])
def test_special_tokens_are_text_in_a_prompt(chatty: LanguageModel, spelled: str) -> None:
    plain, tricky = asked(chatty, "x = ''\n"), asked(chatty, f"x = '{spelled}'\n")
    special = set(chatty.tokenizer.all_special_ids)
    assert [t for t in tricky if t in special] == [t for t in plain if t in special]
    assert f"x = '{spelled}'\n" in chatty.tokenizer.decode(tricky)


@pytest.mark.parametrize("prompt", ["", "```\nx\n```", "a ```` b", "\ud800", "  \n\t\n"])
def test_any_prompt_is_embedded_unchanged(chatty: LanguageModel, prompt: str) -> None:
    message = request(prompt)
    fence = message[message.rindex("\n") + 1 :]
    assert message.endswith(f"\n{fence}python\n{prompt}\n{fence}")
    assert set(fence) == {"`"}
    assert fence not in prompt
    assert prompt.encode("utf-8", "replace").decode() in chatty.tokenizer.decode(
        asked(chatty, prompt)
    )


ASKED = 'def f(x):\n    """Return x."""\n'
BLOCK = "def f(x):\n    return x\n"
REPLIES = {
    "block": (f"Here:\n\n```python\n{BLOCK}```\nand more", BLOCK, "block_end"),
    "bare": (f"```\n{BLOCK}```", BLOCK, "block_end"),
    "indented": (f"1. so\n   ```py\n{BLOCK}   ```\n", BLOCK, "block_end"),
    "first of two": (f"```\n{BLOCK}```\n```\ny = 1\n```", BLOCK, "block_end"),
    "longer fence": (f"````python\n'''\n```\n'''\n{BLOCK}````\n", f"'''\n```\n'''\n{BLOCK}",
                     "block_end"),
    "open": (f"```python\n{BLOCK}", BLOCK, "end_of_text"),
    "no fence": (BLOCK, BLOCK, "end_of_text"),
    "inline ticks": (f"use `f`\n{BLOCK}", f"use `f`\n{BLOCK}", "end_of_text"),
    "empty": ("```python\n```\n", "", "end_of_text"),
}  # fmt: skip


@pytest.mark.parametrize(("reply", "code", "reason"), REPLIES.values(), ids=REPLIES.keys())
def test_the_code_of_a_reply_is_cut_out(
    chatty: LanguageModel, reply: str, code: str, reason: str
) -> None:
    with saying(chatty, reply) as said:
        (completion,) = complete(chatty, [ASKED], CHAT)
    assert (completion.text, completion.finish_reason) == (code, reason)
    assert completion.prompt == ASKED
    if reply.endswith("more"):
        assert "more" not in chatty.tokenizer.decode(said)


def test_the_styles_do_not_share_what_was_said(chatty: LanguageModel, tmp_path: Path) -> None:
    told: list[str] = []
    for style in ("completion", "chat", "chat"):
        decoding = CHAT.model_copy(update={"style": style, "max_new_tokens": 4})
        list(complete(chatty, [PROMPT], decoding, cache=tmp_path, on_message=told.append))
    assert [line[0] for line in told] == ["0", "0", "1"]


def test_a_long_message_is_beyond_the_window(chatty: LanguageModel) -> None:
    (completion,) = complete(chatty, ["x = 1\n" * 2000], CHAT)
    assert completion.finish_reason == "window"


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (None, "no chat template; .*decoding.style=completion"),
        ("{{ raise_exception('system first') }}", "cannot be used: system first"),
        ("{% for", "cannot be used"),
        ("fixed", "does not hold the message once"),
        ("{{ messages[0].content * 2 }}", "does not hold the message once"),
    ],
)
def test_a_template_that_does_not_serve_is_one_line(
    chatty: LanguageModel, monkeypatch: pytest.MonkeyPatch, template: str | None, reason: str
) -> None:
    monkeypatch.setattr(chatty.tokenizer, "chat_template", template)
    with pytest.raises(ModelError, match=reason) as told:
        list(complete(chatty, [PROMPT], CHAT))
    assert "\n" not in str(told.value)


def test_another_template_is_another_condition_and_finds_nothing(
    chatty: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(decoding: Decoding) -> list[str]:
        messages: list[str] = []
        list(complete(chatty, [PROMPT], decoding, cache=tmp_path, on_message=messages.append))
        return messages

    short, plain = (CHAT.model_copy(update={"max_new_tokens": 4, **style})
                    for style in ({}, {"style": "completion"}))  # fmt: skip
    before = BuiltinEngine(chatty, short).conditions
    told(short), told(plain)
    assert told(short) == told(plain) == ["1 of 1 completions found, 0 to generate"]
    monkeypatch.setattr(chatty.tokenizer, "chat_template", TEMPLATE.replace("assistant", "coder"))
    assert told(short) == ["0 of 1 completions found, 1 to generate"]
    assert told(plain) == ["1 of 1 completions found, 0 to generate"]  # it knows no template
    after = BuiltinEngine(chatty, short).conditions
    assert replace(after, chat_template=before.chat_template) == before
    assert after != before
    assert BuiltinEngine(chatty, plain).conditions.chat_template == ""
