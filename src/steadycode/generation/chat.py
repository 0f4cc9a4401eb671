"""A prompt as the one message of a chat, by the template that the model was trained with.

The template is the model's and its special tokens count; the message is not trusted, so whatever it
spells stays text. They are therefore tokenized apart, and nothing of the prompt is changed.
"""

import re
from typing import Any

from steadycode.errors import ModelError
from steadycode.files import sha256_json
from steadycode.generation.boundary import Healed, Vocabulary

_REQUEST = (
    "Complete the Python code below. Answer with the whole code, the given part included, in one "
    "fenced block and nothing else."
)
_PLACE = "PLACE0OF0THE0MESSAGE"


class Chat:
    """Writes prompts as messages. Raises ModelError when the tokenizer's template cannot be used.

    ``vocabulary`` is the one of ``tokenizer``.
    """

    def __init__(self, tokenizer: Any, vocabulary: Vocabulary) -> None:
        before, after = template_text(tokenizer).split(_PLACE)
        self._vocabulary = vocabulary
        self._before = _trusted(tokenizer, before)
        self._after = _trusted(tokenizer, after)
        self._thinking = after.rfind("<think>") > after.rfind("</think>")

    def ask(self, prompt: str) -> Healed:
        """The tokens up to where the reply begins; nothing is owed behind them."""
        prompt = prompt.encode("utf-8", "replace").decode()  # no tokenizer takes lone surrogates
        message = self._vocabulary.encode(request(prompt))
        return Healed((*self._before, *message, *self._after), b"", self._thinking)


def template_hash(tokenizer: Any) -> str:
    """The sha256 of the tokenizer's chat template."""
    return sha256_json(tokenizer.chat_template)


def request(prompt: str) -> str:
    """The message that asks to complete ``prompt``, which is in it byte for byte."""
    runs = (len(run) for run in re.findall("`+", prompt))
    fence = "`" * max(3, 1 + max(runs, default=0))  # longer than any fence in the prompt
    return f"{_REQUEST}\n\n{fence}python\n{prompt}\n{fence}"


def template_text(tokenizer: Any) -> str:
    """The model's chat template around a place for the message. Raises ModelError when it cannot
    be used."""
    if not tokenizer.chat_template:
        raise ModelError(
            "the model's tokenizer has no chat template; set evaluate.decoding.style=completion"
        )
    try:
        text = tokenizer.apply_chat_template(
            [{"role": "user", "content": _PLACE}], tokenize=False, add_generation_prompt=True
        )
    except Exception as error:  # Jinja's, and whatever a template raises by itself
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelError(f"the model's chat template cannot be used: {reason}") from error
    if text.count(_PLACE) != 1:
        raise ModelError("the model's chat template does not hold the message once and unchanged")
    return str(text)


def _trusted(tokenizer: Any, text: str) -> list[int]:
    """Tokens of the template's own text, in which special tokens are what they say."""
    encoded = tokenizer(text, add_special_tokens=False, split_special_tokens=False)
    return list(encoded.input_ids)
