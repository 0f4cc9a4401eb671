"""Evidence by hand: pass marks as strings, one character per problem."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from steadycode.evidence import Conditions, Evidence
from steadycode.files import write_json
from steadycode.measures.losses import DocumentLoss
from steadycode.recode.report import Figure, Outcome, Report
from steadycode.registry.runs import Lineage
from steadycode.sandbox.contract import Verdict

HOSTILE = "<script>alert(1)</script>|`x`<img src=http://evil.example/x>"
"""Text that must never be taken for markup."""
NO_FIGURE = Figure(value=math.nan, low=math.nan, high=math.nan, n=0, reason=HOSTILE)

PASS, FAIL = Verdict(status="passed"), Verdict(status="failed")


def marks(passed: int, total: int) -> str:
    return "1" * passed + "0" * (total - passed)


def conditions(**changed: object) -> Conditions:
    base: dict[str, object] = {
        "benchmark": "b" * 64,
        "heldout": "h" * 64,
        "harness": "e" * 64,
        "decoding": {"temperature": 0.0, "samples": 1},
        "dtype": "float32",
        "engine": "transformers 5",
        "device": "cpu",
        "limits": {"seconds": 3.0},
    }
    return Conditions(**{**base, **changed})


def evidence(
    full: str,
    *,
    partial: str | None = None,
    robust: str | None = None,
    fingerprint: str = "c" * 64,
    losses: list[float] | None = None,
    samples: Mapping[str, tuple[bool, ...]] | None = None,
    figures: Mapping[str, Figure] | None = None,
    total: int = 164,
    measured_under: Conditions | None = None,
) -> Evidence:
    """``robust`` marks one docstring variant per problem; ``samples`` replaces the full marks."""

    def outcomes(text: str, mode: str, perturbation: str | None) -> list[Outcome]:
        return [
            Outcome(
                task_id=f"t/{number}",
                mode=mode,
                perturbation=perturbation,
                group="docstring" if perturbation else None,
                seed=0 if perturbation else None,
                changed=perturbation is not None,
                verdicts=(PASS if mark == "1" else FAIL,),
            )
            for number, mark in enumerate(text)
        ]

    rows = outcomes(full, "full", None)
    if samples is not None:
        rows = [
            Outcome(task_id=task, mode="full", perturbation=None, group=None, seed=None,
                    changed=False, verdicts=tuple(PASS if p else FAIL for p in passed))
            for task, passed in samples.items()
        ]  # fmt: skip
    rows += outcomes(full if partial is None else partial, "partial", None)
    rows += outcomes(full if robust is None else robust, "full", "ButterFingersPerturbation")
    report = Report(
        benchmark_hash="b" * 64,
        problems=len(full),
        total_problems=total,
        outcomes=tuple(rows),
        figures=figures or {},
    )
    losses = [1.0 + 0.01 * (n % 7) for n in range(64)] if losses is None else losses
    return Evidence(
        model_fingerprint=fingerprint,
        conditions=measured_under or conditions(),
        report=report,
        heldout={f"{n:064x}": DocumentLoss(loss=x, tokens=100) for n, x in enumerate(losses)},
        representation={"isotropy": 0.5},
        cost={"wall_seconds": 12.0},
    )


def lineage(retraining: str = "abc", attempt: int = 1, *, dirty: bool = False) -> Lineage:
    return Lineage(
        retraining=retraining,
        attempt=attempt,
        profile="smoke",
        data_md5="9a600123456789abcdef0123456789ab.dir",
        data_dirty=dirty,
        git_commit="1" * 40,
    )


def model_folder(path: Path, seed: int) -> Path:
    """A folder with the files of a model and weights of 400 kB that ``seed`` decides."""
    path.mkdir(parents=True)
    weights = np.random.default_rng(seed).random((100, 1000), dtype=np.float32)
    save_file({"weight": weights}, path / "model.safetensors")
    write_json(path / "config.json", {"model_type": "llama", "hidden_size": 100})
    write_json(path / "tokenizer.json", {"version": "1.0"})
    return path
