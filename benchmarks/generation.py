"""Completion speed beside what a user would otherwise write with transformers.

    python benchmarks/generation.py --prompts 32 --rounds 5
    python benchmarks/generation.py --precision fp32 --compare
    python benchmarks/generation.py --prompts 64 --agreement
    python benchmarks/generation.py --prompts 164 --variants 4 --alone 16   # on a GPU

All complete the same HumanEval prompts greedily with the same model: one prompt per call of
``generate`` (the first ``--alone`` of them), padded batches of 32, steadycode, and on a GPU
transformers' continuous batching (``generate_batch``). ``generate`` is given prompts that are
already healed, so that all write the same texts; continuous batching takes no such constraint, and
writes what it likes after the healed prompt. ``--variants`` puts as many different comments before
each prompt. Useful tokens are those up to the end of the function, which transformers has no notion
of; raw tokens are all that the model was made to choose. Peak memory is the process's, the model
included, while each was at work (Linux), or what torch held of the GPU.

Where a function ends steadycode stops, so its last steps are of few rows, each of which a CPU
decodes more slowly. ``--whole`` adds steadycode writing all
``--max-new-tokens`` of every prompt, as ``generate`` does: the same work, and so the engine's own
rate.

The contenders take turns, ``--rounds`` times, and each round's ratio is its own: what slows the
machine for a while slows both. CPU seconds tell more than seconds where others use the machine.

``--compare`` counts the texts that are the same as those of ``generate``, up to the end of the
function, or up to where our completion was cut by ``--max-new-tokens``. ``--agreement``
completes under two batch plans, runs all programs, and tells how many verdicts agree.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from steadycode.config import Decoding
from steadycode.generation import ENGINE, Completion, complete
from steadycode.generation.boundary import Healed, Vocabulary
from steadycode.generation.stopping import function_end
from steadycode.models import LanguageModel, load, pick_device, pick_dtype, resolve
from steadycode.problems import Problem, load_problems
from steadycode.project import find_project
from steadycode.threads import spin_where_idle

Texts = dict[str, str]
"""What was written after each prompt."""
_RAW = [0]
"""Tokens that the model was made to choose."""
_OURS, _BATCHES, _ALONE = "steadycode", "generate, batches of 32", "generate, one per call"
_WHOLE = "steadycode, whole"


@dataclass(frozen=True)
class Run:
    """What one contender wrote in one round, and its useful and raw tokens per second."""

    texts: Texts
    useful: float
    raw: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--variants", type=int, default=1)
    parser.add_argument("--alone", type=int, default=None)
    parser.add_argument("--max-new-tokens", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=["auto", "bf16", "fp32"], default="auto")
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--agreement", action="store_true")
    parser.add_argument("--whole", action="store_true")
    options = parser.parse_args()

    project = find_project()
    project.prepare_environment()
    spin_where_idle()
    import torch

    torch.set_num_threads(options.threads)
    device = pick_device()
    dtype = pick_dtype("bf16" if options.agreement else options.precision, device)
    model = load(Path(resolve(options.model, project)), dtype, device)
    problems = load_problems("humaneval")[: options.prompts]
    decoding = Decoding(max_new_tokens=options.max_new_tokens)
    print(f"{ENGINE}; {options.model}, {dtype}, {device}, {options.threads} threads")
    print(
        f"{len(problems)} prompts, {decoding.max_new_tokens} new tokens at most; load of the "
        f"machine {os.getloadavg()[0]:.1f} before"
    )
    _count_ours()
    if options.agreement:
        return _agreement(model, problems, decoding)
    prompts = [
        f"# {variant}\n{problem.prompt}" if variant else problem.prompt
        for variant in range(options.variants)
        for problem in problems
    ]
    first = prompts[: options.alone]
    runs, ours = _race(model, prompts, first, decoding, options.rounds, options.whole)
    if options.rounds > 1:
        _summarise(runs)
    _ratios(runs)
    if options.compare:
        _compare(runs, ours)
    return None


def _race(
    model: LanguageModel,
    prompts: Sequence[str],
    first: Sequence[str],
    decoding: Decoding,
    rounds: int,
    whole: bool,
) -> tuple[dict[str, list[Run]], dict[str, Completion]]:
    """Every contender once in each round, in this order and the reverse by turns; and what
    steadycode completed, by prompt."""
    new = decoding.max_new_tokens
    ours: dict[str, Completion] = {}

    def steadycode() -> Texts:
        ours.update((one.prompt, one) for one in complete(model, prompts, decoding))
        return {prompt: completion.text for prompt, completion in ours.items()}

    for _ in complete(model, prompts[:1], Decoding(max_new_tokens=4)):
        pass  # warm
    _generate(model, prompts[:1], 1, 4)
    race: dict[str, Callable[[], Texts]] = {
        _BATCHES: lambda: _generate(model, prompts, 32, new),
        _OURS: steadycode,
    }
    if whole:
        race[_WHOLE] = lambda: _to_the_last_token(model, prompts, decoding)
    if first:
        race[_ALONE] = lambda: _generate(model, first, 1, new)
    if model.device == "cuda":
        race["continuous batching"] = lambda: _continuous(model, prompts, new)
    runs: dict[str, list[Run]] = {name: [] for name in race}
    for number in range(rounds):
        for name in list(race)[:: -1 if number % 2 else 1]:
            runs[name].append(_timed(name, model, race[name]))
    return runs, ours


def _summarise(runs: dict[str, list[Run]]) -> None:
    for name, rows in runs.items():
        useful, raw = _spread([row.useful for row in rows]), _spread([row.raw for row in rows])
        print(f"{name:24} {useful} useful, {raw} raw tokens/s")


def _ratios(runs: dict[str, list[Run]]) -> None:
    mine = {name: rows for name, rows in runs.items() if name in (_OURS, _WHOLE)}
    for name, rows in runs.items():
        for own, ours in mine.items() if name not in mine else ():
            pairs = list(zip(ours, rows, strict=True))
            useful = _spread([one.useful / theirs.useful for one, theirs in pairs], 2)
            raw = _spread([one.raw / theirs.raw for one, theirs in pairs], 2)
            print(f"{own} to {name}: {useful} x useful, {raw} x raw tokens/s")


def _spread(figures: list[float], digits: int = 1) -> str:
    middle = f"{statistics.median(figures):.{digits}f}"
    if len(figures) == 1:
        return middle
    return f"{middle} ({min(figures):.{digits}f} to {max(figures):.{digits}f})"


def _compare(runs: dict[str, list[Run]], ours: dict[str, Completion]) -> None:
    for name in (_ALONE, _BATCHES):
        theirs = runs[name][0].texts if name in runs else {}
        same = [
            theirs[prompt].startswith(one.text)
            and (one.finish_reason == "max_tokens" or one.text == _cut(theirs, prompt))
            for prompt, one in ours.items()
            if prompt in theirs
        ]
        print(f"same text as {name}: {sum(same)} of {len(same)}")


def _continuous(model: LanguageModel, prompts: Sequence[str], new: int) -> Texts:
    from transformers import GenerationConfig

    vocabulary = Vocabulary(model.tokenizer)
    healed = [vocabulary.heal(prompt) for prompt in prompts]
    tokens = model.tokenizer
    settings = GenerationConfig(
        max_new_tokens=new,
        do_sample=False,
        eos_token_id=tokens.eos_token_id,
        pad_token_id=tokens.pad_token_id,
    )
    outputs = model.model.generate_batch(
        [list(prompt.tokens) for prompt in healed], generation_config=settings
    )
    texts = {}
    for prompt, start, output in zip(prompts, healed, outputs.values(), strict=True):
        said = b"".join(vocabulary.written.get(token, b"") for token in output.generated_tokens)
        texts[prompt] = said[len(start.owed) :].decode("utf-8", "replace")
        _RAW[0] += len(output.generated_tokens)
    return texts


def _generate(model: LanguageModel, prompts: Sequence[str], size: int, new: int) -> Texts:
    """Complete in batches padded on the left, longest prompts first; the slowest member of a batch
    decides how long it takes."""
    import torch

    vocabulary = Vocabulary(model.tokenizer)
    written = vocabulary.written
    healed = {prompt: vocabulary.heal(prompt) for prompt in prompts}
    ordered = sorted(prompts, key=lambda prompt: -len(healed[prompt].tokens))
    texts = {}
    for start in range(0, len(ordered), size):
        batch = [healed[prompt] for prompt in ordered[start : start + size]]
        width = max(len(prompt.tokens) for prompt in batch)
        pad = model.tokenizer.pad_token_id
        rows = [[pad] * (width - len(prompt.tokens)) + list(prompt.tokens) for prompt in batch]
        mask = [[0] * (width - len(prompt.tokens)) + [1] * len(prompt.tokens) for prompt in batch]
        output = model.model.generate(
            input_ids=torch.tensor(rows, device=model.device),
            attention_mask=torch.tensor(mask, device=model.device),
            do_sample=False,
            max_new_tokens=new,
            logits_processor=[_Owed(vocabulary, batch, width)],
        )
        for prompt, row in zip(ordered[start : start + size], output.tolist(), strict=True):
            said = b"".join(written.get(token, b"") for token in row[width:])
            texts[prompt] = said[len(healed[prompt].owed) :].decode("utf-8", "replace")
    return texts


class _Owed:
    """Allows only tokens that repay what the healed prompt is owed, until it is repaid."""

    def __init__(self, vocabulary: Vocabulary, batch: Sequence[Healed], width: int) -> None:
        self._vocabulary, self._batch, self._width = vocabulary, batch, width

    def __call__(self, tokens: Any, scores: Any) -> Any:
        for number, healed in enumerate(self._batch):
            new = tokens[number, self._width :].tolist() if healed.owed else []
            repaid = sum(len(self._vocabulary.written.get(token, b"")) for token in new)
            if owed := healed.owed[repaid:]:
                allowed = self._vocabulary.allowed(owed)
                kept = scores[number, allowed]
                scores[number] = -float("inf")
                scores[number, allowed] = kept
        return scores


def _cut(texts: Texts, prompt: str) -> str:
    return texts[prompt][: function_end(prompt, texts[prompt])]


def _timed(name: str, model: LanguageModel, work: Callable[[], Texts]) -> Run:
    def count(module: Any, arguments: Any, options: dict[str, Any]) -> None:
        if name.startswith("generate"):
            _RAW[0] += options["input_ids"].shape[0]

    _RAW[0] = 0
    hook = model.model.register_forward_pre_hook(count, with_kwargs=True)
    _forget_peak(model.device)
    started, busy = time.perf_counter(), time.process_time()
    texts = work()
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    hook.remove()
    raw = _RAW[0]
    encode = Vocabulary(model.tokenizer).encode
    useful = sum(len(encode(_cut(texts, prompt))) for prompt in texts)
    print(
        f"{name:24} {seconds:7.1f} s (CPU {busy:.1f}) {len(texts) / seconds:6.2f} prompts/s "
        f"{useful / seconds:6.1f} useful tokens/s {raw / seconds:6.1f} raw tokens/s  "
        f"peak {_peak(model.device):.0f} MiB",
        flush=True,
    )
    return Run(texts, useful / seconds, raw / seconds)


def _forget_peak(device: str) -> None:
    if device == "cuda":
        import torch

        torch.cuda.empty_cache()
        return torch.cuda.reset_peak_memory_stats()
    Path("/proc/self/clear_refs").write_text("5")
    return None


def _peak(device: str) -> float:
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_reserved() / 2**20
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def _count_ours() -> None:
    """Tokens that rows were given, one each per step and one when their prompt is read."""
    from steadycode.generation.decoding import Decoder

    choose = Decoder._choose

    def counted(self: Decoder, logits: Any, rows: Sequence[Any]) -> None:
        _RAW[0] += len(rows)
        choose(self, logits, rows)

    Decoder._choose = counted  # type: ignore[method-assign]


class _Endless:
    """Sees no end in a text."""

    kept_from = 0

    def __init__(self, prompt: str) -> None:
        pass

    def feed(self, piece: str) -> None:
        return None


def _to_the_last_token(model: LanguageModel, prompts: Sequence[str], decoding: Decoding) -> Texts:
    """What steadycode writes when neither the end of a function nor of the text stops it."""
    with (
        patch("steadycode.generation.rows.FunctionScanner", _Endless),
        patch("steadycode.generation.decoding._stop_tokens", lambda model: frozenset()),
    ):
        return {one.prompt: one.text for one in complete(model, prompts, decoding)}


def _agreement(model: LanguageModel, problems: Sequence[Problem], decoding: Decoding) -> None:
    from steadycode.sandbox import Program, Sandbox

    texts, verdicts = [], []
    prompts = [problem.prompt for problem in problems]
    for size in (32, 8):
        started = time.perf_counter()
        plan = decoding.model_copy(update={"batch_size": size})
        written = {one.prompt: one.text for one in complete(model, prompts, plan)}
        said = [written[prompt] for prompt in prompts]
        programs = [
            Program(problem.prompt + text, problem.test, problem.entry_point)
            for problem, text in zip(problems, said, strict=True)
        ]
        with Sandbox() as sandbox:
            statuses = [verdict.status for verdict in sandbox.run_all(programs)]
        print(f"batches of {size}: {statuses.count('passed')} pass, "
              f"{time.perf_counter() - started:.0f} s", flush=True)  # fmt: skip
        texts.append(said)
        verdicts.append(statuses)
    for what, (first, second) in (("texts", texts), ("verdicts", verdicts)):
        same = sum(a == b for a, b in zip(first, second, strict=True))
        print(f"{what} that agree: {same} of {len(first)} ({same / len(first):.1%})")


if __name__ == "__main__":
    main()
