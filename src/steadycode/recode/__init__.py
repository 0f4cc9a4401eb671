"""ReCode: how much a code model's correctness depends on the way a prompt is written."""

from steadycode.problems import Problem
from steadycode.recode.benchmark import Benchmark, Rejected, build_benchmark
from steadycode.recode.halving import partial
from steadycode.recode.perturbations import PERTURBATIONS, Perturbation, perturb
from steadycode.recode.release import benchmark_hash, read_benchmark, write_benchmark
from steadycode.recode.variant import Variant

__all__ = [
    "PERTURBATIONS",
    "Benchmark",
    "Perturbation",
    "Problem",
    "Rejected",
    "Variant",
    "benchmark_hash",
    "build_benchmark",
    "partial",
    "perturb",
    "read_benchmark",
    "write_benchmark",
]
