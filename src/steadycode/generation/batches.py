"""Which requests are decoded together, and what of that is found again after a kill.

In float32 a text does not depend on the rows beside it: all requests are one batch, whatever is
missing of it is generated, and every completion counts as soon as it is there. In a reduced
precision it may, so the batches are fixed by the requests alone, and one of which anything is
missing is replayed whole, from its beginning. An interrupted evaluation then ends with the bytes of
an uninterrupted one. A batch is several times as many requests as decode at a time: where one ends
the next begins, and only the last ones decode with empty places beside them.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from steadycode.files import sha256_json, sha256_text
from steadycode.generation.contract import Completion
from steadycode.generation.decoding import Decoder, OutOfMemory
from steadycode.generation.rows import Request
from steadycode.generation.store import Store

Batch = Sequence[Request]

_FAMILY = 24  # tokens
TURNS = 4
"""Requests of a batch for each row that decodes at a time. With more, fewer rows decode beside
empty places; and, in a reduced precision, more is done again after a kill."""


def plan(requests: Sequence[Request], rows: int, exact: bool) -> list[Batch]:
    """The batches for distinct ``requests``, whatever their order, of which ``rows`` decode at a
    time: all in one, or as few of about the same size as hold at most ``4 * rows`` each.

    Longest prompts first, so that rows that decode together are of similar length. Prompts that
    begin alike stay side by side, for what they share is computed once.
    """
    longest: dict[tuple[int, ...], int] = {}
    for request in requests:
        family = request.healed.tokens[:_FAMILY]
        longest[family] = max(longest.get(family, 0), len(request.healed.tokens))

    def place(request: Request) -> tuple[int, tuple[int, ...], str, int]:
        tokens = request.healed.tokens
        return -longest[tokens[:_FAMILY]], tokens, request.prompt, request.sample

    ordered = sorted(requests, key=place)
    total = len(ordered)
    count = min(total, 1) if exact else math.ceil(total / (TURNS * rows))
    bounds = [total * number // count for number in range(count + 1)] if count else []
    return [ordered[start:end] for start, end in pairwise(bounds)]


def finish(
    decoder: Decoder,
    store: Store,
    batches: Sequence[Batch],
    exact: bool,
    say: Callable[[str], None],
    progress: Callable[[int], None],
) -> Iterator[Completion]:
    """The completions of all ``batches``: those in the store, then the others as they end, which
    are added to it.

    When memory runs out, what is missing of the batch becomes a batch of its own, decoded with half
    as many rows at a time, and so are those behind it. ``say`` is told that, and how many
    completions were found; ``progress`` how many there are so far.
    """
    rows, done, total = decoder.batch_size, 0, sum(map(len, batches))

    def name(batch: Batch) -> str:
        return "" if exact else _name(batch, rows, decoder.batch_tokens)

    found, waiting = _look_up(store, batches, name, exact)
    say(f"{len(found)} of {total} completions found, {total - len(found)} to generate")
    while found or waiting:
        if found:
            done += len(found)
            progress(done)
            yield from found
        missing: dict[tuple[str, int], Request] = {}
        try:
            while waiting:
                batch = waiting.popleft()
                missing = {(request.prompt, request.sample): request for request in batch}
                for completion in decoder.run(batch, rows):
                    store.add(name(batch), completion)
                    del missing[completion.prompt, completion.sample]
                    done += 1
                    progress(done)
                    yield completion
            found = []
        except OutOfMemory as error:
            rows = error.rows // 2
            say(f"out of memory with {error.rows} prompts at a time; going on with {rows}")
            found, waiting = _look_up(store, [list(missing.values()), *waiting], name, exact)


def _look_up(
    store: Store, batches: Iterable[Batch], name: Callable[[Batch], str], exact: bool
) -> tuple[list[Completion], deque[Batch]]:
    """What need not be generated again, every completion by itself or its batch as a whole; and
    what is left of the batches."""
    found: list[Completion] = []
    waiting: deque[Batch] = deque()
    for batch in batches:
        label = name(batch)
        kept = [store.get(label, request.prompt, request.sample) for request in batch]
        missing = [request for request, there in zip(batch, kept, strict=True) if there is None]
        if missing and not exact:
            waiting.append(batch)
            continue
        found += [completion for completion in kept if completion is not None]
        if missing:
            waiting.append(missing)
    return found, waiting


def _name(batch: Batch, rows: int, tokens: int) -> str:
    members = [[sha256_text(request.prompt), request.sample] for request in batch]
    return sha256_json([members, rows, tokens])
