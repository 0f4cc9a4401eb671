"""A candidate that is better, its decision and page, with hostile text wherever text may stand."""

import pytest

from steadycode.gate.decide import Facts, decide
from steadycode.gate.policy import Policy
from steadycode.recode.report import Figure
from steadycode.views.report_page import report_page
from tests.builders.evidence import HOSTILE, NO_FIGURE, evidence, marks


def figures(full: float, docstring: float) -> dict[str, Figure]:
    def figure(value: float) -> Figure:
        return Figure(value=value, low=value - 0.05, high=value + 0.05, n=164)

    return {
        "recode/full/pass_at_1": figure(full),
        "recode/docstring/robust_pass_at_1": figure(docstring),
        "recode/docstring/ButterFingersPerturbation/robust_pass_at_1": figure(docstring),
        "recode/format/robust_pass_at_1": NO_FIGURE,
    }


@pytest.fixture
def champion():
    return evidence(marks(60, 164), fingerprint="a" * 64, figures=figures(0.366, 0.25))


@pytest.fixture
def candidate():
    return evidence(marks(60, 164), robust=marks(84, 164), figures=figures(0.366, 0.512))


@pytest.fixture
def decision(candidate, champion):
    facts = Facts(retraining="abc", attempt=1, data_valid=True)
    return decide(candidate, champion, Policy(), facts)


@pytest.fixture
def page(decision, candidate, champion):
    facts = {"data md5": "9a60.dir", "git commit": "1" * 40, "profile": HOSTILE}
    return report_page(decision, candidate, champion, model=HOSTILE, facts=facts)
