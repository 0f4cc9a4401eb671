"""Completion speed beside what a user would otherwise write: padded batches through ``generate``.

    python benchmarks/generation.py --prompts 64 --threads 2

Both decode the same HumanEval prompts greedily with the same model, dtype and batch size.
``generate`` has no notion of a function's end, so most of its tokens are thrown away: prompts per
second is the figure to compare. Peak memory is the process's so far, so the second can only be
higher.
"""

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path

from steadycode.config import Decoding
from steadycode.generation import ENGINE, complete
from steadycode.models import LanguageModel, load, pick_device, pick_dtype, resolve
from steadycode.problems import load_problems
from steadycode.project import find_project


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-new-tokens", type=int, default=160)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=["auto", "bf16", "fp32"], default="auto")
    given = parser.parse_args()

    project = find_project()
    project.prepare_environment()
    import torch

    torch.set_num_threads(given.threads)
    device = pick_device()
    dtype = pick_dtype(given.precision, device)
    model = load(Path(resolve(given.model, project)), dtype, device)
    prompts = [problem.prompt for problem in load_problems("humaneval")[: given.prompts]]
    decoding = Decoding(max_new_tokens=given.max_new_tokens, batch_size=given.batch_size)

    print(f"{ENGINE}; {given.model}, {dtype}, {device}, {given.threads} threads")
    print(
        f"{len(prompts)} prompts, batches of {decoding.batch_size}, {decoding.max_new_tokens} new"
    )
    list(complete(model, prompts[:1], decoding.model_copy(update={"max_new_tokens": 4})))  # warm
    ours = _timed("steadycode", len(prompts), lambda: _ours(model, prompts, decoding))
    theirs = _timed("generate", len(prompts), lambda: _generate(model, prompts, decoding))
    print(f"steadycode takes {ours / theirs:.2f} of the time")


def _ours(model: LanguageModel, prompts: list[str], decoding: Decoding) -> int:
    completions = complete(model, prompts, decoding)
    return sum(len(model.tokenizer(completion.text).input_ids) for completion in completions)


def _generate(model: LanguageModel, prompts: list[str], decoding: Decoding) -> int:
    tokenizer, size = model.tokenizer, decoding.batch_size
    tokenizer.padding_side = "left"
    ordered = sorted(prompts, key=len, reverse=True)
    tokens = 0
    for start in range(0, len(ordered), size):
        batch = tokenizer(ordered[start : start + size], return_tensors="pt", padding=True)
        output = model.model.generate(
            **batch.to(model.device), do_sample=False, max_new_tokens=decoding.max_new_tokens
        )
        new = output[:, batch.input_ids.shape[1] :]
        tokens += int((new != tokenizer.pad_token_id).sum())
    return tokens


def _timed(name: str, prompts: int, work: Callable[[], int]) -> float:
    started, cpu = time.perf_counter(), time.process_time()
    tokens = work()
    seconds = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:10} {seconds:7.1f} s  {prompts / seconds:6.2f} prompts/s  "
        f"{tokens / seconds:6.0f} tokens/s  cpu {time.process_time() - cpu:.0f} s  "
        f"peak {memory:.0f} MiB"
    )
    return seconds


if __name__ == "__main__":
    main()
