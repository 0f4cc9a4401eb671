"""What an engine is, and what it returns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

FinishReason = Literal["function_end", "block_end", "end_of_text", "max_tokens", "window"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a model wrote for ``prompt``. ``sample`` counts from 0.

    In style completion ``text`` continues the prompt, byte for byte; in style chat it is the code
    that the reply holds. ``mean_logprob`` is the mean natural log-probability of the kept tokens;
    None when there are none, or nobody measured it.
    """

    prompt: str
    sample: int
    text: str
    finish_reason: FinishReason
    mean_logprob: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConditions:
    """What decides an engine's texts beside the model and the prompts.

    Texts that were got under different conditions are never compared.
    """

    engine: str
    """Its name and version, and the libraries below it that decide what a model says."""
    dtype: str
    device: str
    decoding: Mapping[str, Any]
    chat_template: str = ""
    """The hash of the template by which a prompt becomes a chat; empty where there is no chat, or
    nobody knows."""


class Engine(Protocol):
    """Completes prompts: a model of ours, a server, or what another engine has written."""

    @property
    def conditions(self) -> EngineConditions: ...

    def complete(self, prompts: Sequence[str]) -> Iterator[Completion]:
        """One or more samples of each of the distinct ``prompts``, in any order."""
        ...
