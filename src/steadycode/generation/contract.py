"""What the completion engine returns."""

from dataclasses import dataclass
from typing import Literal

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
