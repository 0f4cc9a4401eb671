import pytest

from steadycode.errors import ConfigError
from steadycode.recode.budget import choose, told
from steadycode.recode.report import Outcome, Report
from steadycode.sandbox import Verdict


def outcome(task: str, name: str | None, passed: bool, changed: bool = True) -> Outcome:
    status = "passed" if passed else "failed"
    return Outcome(task_id=task, mode="full", perturbation=name, group="docstring", seed=0,
                   changed=changed, verdicts=(Verdict(status=status),))  # fmt: skip


def report(*outcomes: Outcome) -> Report:
    return Report(benchmark_hash="", problems=3, total_problems=3, outcomes=outcomes, figures={})


EARLIER = report(
    *(outcome(task, None, True) for task in "abc"),
    *(outcome(task, "ChangeCharCase", task == "c") for task in "abc"),  # breaks a and b
    *(outcome(task, "ButterFingersPerturbation", task != "a") for task in "abc"),  # only a
    *(outcome(task, "ArticlesDropped", task != "c") for task in "abc"),  # only c
    *(outcome(task, "PoliteRequest", False, changed=False) for task in "abc"),
)


def test_what_breaks_other_problems_is_chosen_before_what_breaks_the_same() -> None:
    known = told([EARLIER])
    assert {t.name: (len(t.flips), t.prompts) for t in known} == {
        "ArticlesDropped": (1, 3),
        "ButterFingersPerturbation": (1, 3),
        "ChangeCharCase": (2, 3),
    }
    assert choose(known, problems=3, seeds=1, budget=6) == ["ChangeCharCase", "ArticlesDropped"]
    assert choose(known, problems=3, seeds=1, budget=100)[2] == "ButterFingersPerturbation"


def test_seeds_cost_prompts() -> None:
    # five seeds of a random perturbation do not fit where one fixed perturbation does
    assert choose(told([EARLIER]), problems=3, seeds=5, budget=4) == ["ArticlesDropped"]


def test_without_earlier_runs_or_room_it_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match="evaluate once without --budget"):
        choose(told([]), problems=3, seeds=1, budget=9)
    with pytest.raises(ConfigError, match=r"--budget 2 is too small: .* takes 3 prompts"):
        choose(told([EARLIER]), problems=3, seeds=1, budget=2)
