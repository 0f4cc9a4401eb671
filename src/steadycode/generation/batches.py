"""Which requests are decoded together, and what of that is found again after a kill.

In float32 a text does not depend on the rows beside it: all requests are one batch, whatever is
missing of it is generated, and every completion counts as soon as it is there. In a reduced
precision it may, so the batches are fixed by the requests alone, and one of which anything is
missing is replayed whole, from its beginning. An interrupted evaluation then ends with the bytes of
an uninterrupted one.
"""

from collections.abc import Callable, Iterator, Sequence

from steadycode.files import sha256_json, sha256_text
from steadycode.generation.contract import Completion
from steadycode.generation.engine import Engine, OutOfMemory
from steadycode.generation.rows import Request
from steadycode.generation.store import Store

Batch = Sequence[Request]


_FAMILY = 24  # tokens


def plan(requests: Sequence[Request], size: int, exact: bool) -> list[Batch]:
    """The batches for distinct ``requests``, whatever their order.

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
    if exact:
        return [ordered] if ordered else []
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def finish(
    engine: Engine,
    store: Store,
    batches: Sequence[Batch],
    exact: bool,
    say: Callable[[str], None],
    progress: Callable[[int], None],
) -> Iterator[Completion]:
    """The completions of all ``batches``, from the store or generated into it; some come twice.

    A batch that does not fit into the memory is begun again with half as many rows at a time, and
    so are those behind it. ``say`` is told that, and how many completions there were before;
    ``progress`` how many there are so far.
    """
    rows, done = engine.batch_size, 0

    def name(batch: Batch) -> str:
        return "" if exact else _name(batch, rows, engine.batch_tokens)

    total = sum(map(len, batches))
    found = sum(len(_standing(store, name(batch), batch, exact)) for batch in batches)
    say(f"{found} of {total} completions found, {total - found} to generate")
    for batch in batches:
        standing = _standing(store, name(batch), batch, exact)
        if standing:
            progress(done + len(standing))
        yield from standing.values()
        while len(standing) < len(batch):
            missing = [request for request in batch if request not in standing]
            try:
                for number, completion in enumerate(engine.run(missing, rows), start=1):
                    store.add(name(batch), completion)
                    progress(done + len(standing) + number)
                    if exact:
                        yield completion
            except OutOfMemory as error:
                rows = error.rows // 2
                say(f"out of memory with {error.rows} prompts at a time; going on with {rows}")
            standing = _standing(store, name(batch), batch, exact)
            yield from standing.values()
        done += len(batch)


def _standing(store: Store, name: str, batch: Batch, exact: bool) -> dict[Request, Completion]:
    """What need not be generated again: every completion by itself, or the batch as a whole."""
    found = {
        request: completion
        for request in batch
        if (completion := store.get(name, request.prompt, request.sample)) is not None
    }
    return found if exact or len(found) == len(batch) else {}


def _name(batch: Batch, rows: int, tokens: int) -> str:
    members = [[sha256_text(request.prompt), request.sample] for request in batch]
    return sha256_json([members, rows, tokens])
