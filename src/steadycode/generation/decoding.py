"""The decode loop: rows that come and go, one token for every row per forward pass."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from steadycode.config import Decoding
from steadycode.errors import ModelError
from steadycode.generation.boundary import Vocabulary
from steadycode.generation.contract import Completion
from steadycode.generation.rows import Request, Row
from steadycode.generation.ways import Reader, RowCache, Way, way_of
from steadycode.models.loading import LanguageModel
from steadycode.randomness import derive_seed


class OutOfMemory(Exception):
    """``rows`` at a time, at least 2, were too many."""

    def __init__(self, rows: int) -> None:
        super().__init__(f"{rows} rows do not fit into the memory")
        self.rows = rows


def batch_limits(decoding: Decoding, device: str) -> tuple[int, int]:
    """Completions in one batch, and tokens held at a time."""
    size, tokens = (256, 131072) if device.startswith("cuda") else (64, 16384)
    return decoding.batch_size or size, decoding.batch_tokens or tokens


class Decoder:
    """Decodes requests with one model. Rows of any length share the forward passes."""

    def __init__(
        self, model: LanguageModel, vocabulary: Vocabulary, decoding: Decoding, seed: int
    ) -> None:
        self._model, self._device = model.model, model.device
        self._vocabulary = vocabulary
        self.decoding = decoding
        self.batch_size, self.batch_tokens = batch_limits(decoding, model.device)
        self._seed = seed
        self._stops = _stop_tokens(model.model)

    @cached_property
    def _way(self) -> Way:
        return way_of(self._model, self._device)

    def run(self, requests: Sequence[Request], most: int) -> Iterator[Completion]:
        """Completions in the order in which they end; at most ``most`` rows decode at a time.

        Rows take part in the order given as soon as there is room. What is said is decided by the
        arguments alone. Raises OutOfMemory, and ModelError when a single row is too much.
        """
        rows: list[Row] = []
        with suppress(torch.OutOfMemoryError):
            yield from self._decode(deque(requests), rows, most)
            return
        # here nothing refers to the tensors of what was tried any more
        if len(rows) > 1:
            raise OutOfMemory(len(rows))
        tokens = rows[0].request.longest if rows else 0
        raise ModelError(
            f"a prompt of {tokens} tokens does not fit into the memory of {self._device} by "
            "itself; lower decoding.max_new_tokens or use a smaller model"
        )

    def _decode(self, waiting: deque[Request], rows: list[Row], most: int) -> Iterator[Completion]:
        most = min(most, len(waiting))
        longest = max((one.longest for one in waiting), default=0) + self.decoding.max_new_tokens
        fit = max(1, min(most, self.batch_tokens // longest))
        prefill, cache = self._way(fit, most)
        while waiting or rows:
            while group := self._next(waiting, rows, prefill, most):
                rows += group
                read, logits = prefill.read([row.request.healed.tokens for row in group])
                self._choose(logits, group)
                del rows[-len(group) :]
                for row, states in zip(group, read, strict=True):
                    if row.completion is not None:
                        yield row.completion
                    else:
                        cache.insert(states)
                        rows.append(row)
            if rows:
                self._step(cache, rows)
            for number in reversed(range(len(rows))):
                if (completion := rows[number].completion) is not None:
                    yield completion
                    cache.remove(number)
                    rows[number] = rows[-1]
                    rows.pop()

    def _next(
        self, waiting: deque[Request], rows: list[Row], prefill: Reader, most: int
    ) -> list[Row]:
        """The next rows to begin, to be read in one pass; none until it is worth it."""
        at_once = prefill.count(request.healed.tokens for request in waiting)
        wanted = min(at_once, len(waiting))
        group: list[Request] = []
        while len(group) < wanted:
            request = waiting[len(group)]
            if not self._has_room([*(row.request for row in rows), *group], request, most):
                break
            group.append(request)
        enough = min(wanted, 1 + len(rows) // 8)
        return [self._row(waiting.popleft()) for _ in group] if len(group) >= enough else []

    def _has_room(self, taken: list[Request], request: Request, most: int) -> bool:
        longest = max(one.longest for one in (request, *taken))
        tokens = (len(taken) + 1) * (longest + self.decoding.max_new_tokens)
        return not taken or (len(taken) < most and tokens <= self.batch_tokens)

    def _row(self, request: Request) -> Row:
        generator = None
        if self.decoding.temperature > 0:
            row_seed = derive_seed(self._seed, "completion", request.prompt, request.sample)
            generator = torch.Generator(self._device).manual_seed(row_seed)
        return Row(request, self._vocabulary, self._stops, self.decoding, generator)

    @torch.inference_mode()
    def _step(self, cache: RowCache, rows: list[Row]) -> None:
        self._choose(cache.step([row.last_token for row in rows]), rows)

    @torch.inference_mode()
    def _choose(self, logits: Tensor, rows: list[Row]) -> None:
        """Give every row its next token from ``logits`` [rows, vocabulary]."""
        logits = logits.float()
        for number, row in enumerate(rows):
            if row.owed:
                allowed = torch.tensor(self._vocabulary.allowed(row.owed), device=logits.device)
                kept = logits[number, allowed]
                logits[number] = -torch.inf
                logits[number, allowed] = kept
        if self.decoding.temperature > 0:
            tokens = _sample(logits, rows, self.decoding)
        else:
            tokens = logits.argmax(dim=-1)
        chosen = logits.log_softmax(dim=-1).gather(1, tokens[:, None])[:, 0]
        for row, token, logprob in zip(rows, tokens.tolist(), chosen.tolist(), strict=True):
            row.accept(token, logprob)


def _sample(logits: Tensor, rows: list[Row], decoding: Decoding) -> Tensor:
    """Nucleus sampling by the Gumbel-max trick: the likeliest token after noise from each row's own
    generator. The last digits of the logits, which depend on the rows beside, then matter as seldom
    as in greedy decoding; a draw from the cumulated distribution meets them at every token."""
    scaled = logits.double() / decoding.temperature
    if decoding.top_p < 1:
        probabilities, order = scaled.softmax(dim=-1).sort(dim=-1, descending=True, stable=True)
        below = probabilities.cumsum(dim=-1) - probabilities  # mass of likelier tokens
        outside = (below >= decoding.top_p).scatter(1, order, below >= decoding.top_p)
        scaled = scaled.masked_fill(outside, -torch.inf)
    size = logits.shape[-1]
    draws = [
        torch.rand(size, generator=row.generator, dtype=torch.double, device=logits.device)
        for row in rows
    ]
    noise = -(-torch.stack(draws).log()).log()
    return (scaled + noise).argmax(dim=-1)


def _stop_tokens(model: Any) -> frozenset[int]:
    """End-of-sequence tokens; a list for some models, none for others."""
    found = model.generation_config.eos_token_id if model.generation_config else None
    return frozenset([found] if isinstance(found, int) else found or [])
