"""What the completion engine returns."""

from dataclasses import dataclass
from typing import Literal

FinishReason = Literal["function_end", "end_of_text", "max_tokens", "window"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """``prompt + text`` contains the prompt byte for byte. ``sample`` counts from 0.

    ``mean_logprob`` is the mean natural log-probability of the kept tokens; -inf when none.
    """

    prompt: str
    sample: int
    text: str
    finish_reason: FinishReason
    mean_logprob: float
