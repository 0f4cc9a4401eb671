"""One completion while it grows: what it still owes the prompt, its text, whether it has ended."""

import codecs
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steadycode.config import Decoding
from steadycode.generation.boundary import Healed, Vocabulary
from steadycode.generation.contract import Completion, FinishReason
from steadycode.generation.replies import ReplyScanner
from steadycode.generation.stopping import FunctionScanner

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Request:
    prompt: str
    sample: int
    healed: Healed

    @property
    def longest(self) -> int:
        """Tokens of the prompt at most: what is owed may be written byte by byte."""
        return len(self.healed.tokens) + len(self.healed.owed)


class Row:
    """Takes token by token. ``completion`` is set when the row has ended."""

    def __init__(
        self,
        request: Request,
        vocabulary: Vocabulary,
        stops: Collection[int],
        decoding: Decoding,
        generator: "torch.Generator | None",
    ) -> None:
        self.request = request
        self.owed = request.healed.owed
        self.generator = generator
        self.last_token = -1
        self.completion: Completion | None = None
        self._vocabulary = vocabulary
        self._stops = stops
        self._max_new_tokens = decoding.max_new_tokens
        chat = decoding.style == "chat"
        self._scanner: ReplyScanner | FunctionScanner = (
            ReplyScanner(request.prompt, request.healed.thinking)
            if chat
            else FunctionScanner(request.prompt)
        )
        self._scanned: FinishReason = "block_end" if chat else "function_end"
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._scores: list[tuple[int, float]] = []  # where in the text a token begins, its log p

    def accept(self, token: int, logprob: float) -> None:
        """``logprob``: of the token among those that were allowed. Tokens that only repay what the
        prompt is owed count neither in ``max_new_tokens`` nor in ``mean_logprob``."""
        self.last_token = token
        written = self._vocabulary.written.get(token)
        if written is None or token in self._stops:
            return self._end("end_of_text", self._scanner.finish())
        repaid = min(len(self.owed), len(written))
        self.owed = self.owed[repaid:]
        if repaid == len(written) > 0:
            return None
        self._scores.append((len(self._text), logprob))
        piece = self._decoder.decode(written[repaid:])  # holds back an unfinished character
        self._text += piece
        end = self._scanner.feed(piece)
        if end is not None:
            self._end(self._scanned, end)
        elif len(self._scores) == self._max_new_tokens:
            self._end("max_tokens", self._scanner.finish())
        return None

    def _end(self, reason: FinishReason, end: int | None) -> None:
        """The row has ended; ``end`` is where what counts of its text does, None for all of it."""
        end = len(self._text) if end is None else end
        begin = self._scanner.kept_from
        kept = [logprob for start, logprob in self._scores if begin <= start < end]
        mean = sum(kept) / len(kept) if kept else math.nan
        self.completion = Completion(
            prompt=self.request.prompt,
            sample=self.request.sample,
            text=self._scanner.clean(self._text[begin:end]),
            finish_reason=reason,
            mean_logprob=mean if math.isfinite(mean) else None,
        )
