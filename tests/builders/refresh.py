"""The closed loop up to the retraining, on real git and DVC."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows import refresh as flow
from steadycode.corpus.build import build
from steadycode.corpus.lock import lock_path
from steadycode.corpus.recipe import load_recipe
from steadycode.corpus.versions import record
from steadycode.files import sha256_folder
from steadycode.project import Project
from steadycode.retraining import refresh as steps
from steadycode.retraining.submission import Submission
from tests.builders.corpus import REPOSITORY, commit, function, git, make_project


def submission() -> Submission:
    return Submission(profile="smoke", overrides=("data.min_rows=10",))


class Loop:
    """The flow itself with its steps, but neither Prefect's server nor models: a deployment that it
    triggers, or a retraining that it runs, is only noted."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.triggered: list[str] = []
        """The token of each retraining that was asked of a deployment."""
        self.retrained: list[Submission] = []
        """The settings of each that the flow ran by itself."""
        self.shown: list[str] = []
        """Markdown."""

    def __call__(self, branch: str = "", retrain: bool = True, deployment: str = "a/b") -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STEADYCODE_HOME", str(self.project.root))
            patch.setattr(Project, "prepare_environment", lambda project: None)
            patch.setattr(flow, "begin_flow", lambda project: {})
            for step in ("rebuild", "validate", "record", "commit"):
                patch.setattr(flow, step, getattr(flow, step).fn)
            patch.setattr(flow, "_require_deployment", lambda name: None)
            patch.setattr(flow, "create_markdown_artifact", self._show)
            patch.setattr(flow, "run_deployment", self._trigger)
            patch.setattr(flow, "retraining", self._retrain)
            patch.setattr(steps, "open_store", lambda project, experiment: None)
            patch.setattr(steps, "check_retraining", lambda project, config, store, say: None)
            return str(flow.refresh.fn(submission(), branch, deployment, retrain))

    def trigger(self, token: str) -> None:
        self.triggered.append(token)

    def _trigger(self, name: str, idempotency_key: str, **options: Any) -> None:
        self.trigger(idempotency_key)

    def _retrain(self, config: Submission) -> str:
        self.retrained.append(config)
        return "undecided"

    def _show(self, markdown: str, **options: Any) -> None:
        self.shown.append(markdown)


def make_recorded(root: Path) -> Project:
    """A project whose data is built, recorded and committed, on branch main."""
    project = make_project(root)
    git(project.root, "branch", "--move", "main")
    for name in ("smoke.yaml", "gate.yaml", "base-models.yaml"):
        shutil.copy(REPOSITORY / "configs" / name, project.configs)
    build(load_recipe(project.recipe), project)
    record(project)
    commit(project.root, "data")
    return project


def grow(project: Project, first: int = 100) -> None:
    """Ten files are added to the recipe's source and one is taken away."""
    for number in range(first, first + 10):
        (project.root / "src" / f"greet_{number}.py").write_text(function(number))
    (project.root / "src" / f"greet_{first - 100}.py").unlink()


def md5_on(project: Project, branch: str) -> str:
    return str(yaml.safe_load(git(project.root, "show", f"{branch}:data.dvc"))["outs"][0]["md5"])


def picture(project: Project) -> dict[str, Any]:
    """All that a refused refresh must leave as it was."""
    return {
        "data": sha256_folder(project.data),
        "data.dvc": project.data_version.read_text(),
        "refs": git(project.root, "for-each-ref"),
        "status": git(project.root, "status", "--porcelain"),
        "left": sorted(path.name for path in project.root.glob(".data*")),
        "lock": lock_path(project).read_text() if lock_path(project).exists() else "",
    }
