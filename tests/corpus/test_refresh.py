"""The closed loop up to the retraining, on real git and DVC: what it records, refuses, resumes."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from steadycode.corpus import refresh, repository, versions
from steadycode.corpus.build import build
from steadycode.corpus.lock import lock_path
from steadycode.corpus.recipe import load_recipe
from steadycode.corpus.restore import ensure_data
from steadycode.corpus.versions import current_md5, recorded_md5, status_clean
from steadycode.errors import ConfigError, DataError
from steadycode.files import sha256_folder, sha256_text
from steadycode.project import Project
from tests.builders.corpus import commit, function, git
from tests.builders.refresh import Loop, grow, md5_on, picture, submission

LOCK = "configs/corpus.lock.json"
NEW = "new-data"


class Killed(BaseException):
    """Stands for the end of the process: no cleaning up is done for it."""


def test_nothing_new_is_nothing_to_do(loop: Loop, capsys: pytest.CaptureFixture[str]) -> None:
    before = picture(loop.project)
    assert loop() == "unchanged"
    md5 = recorded_md5(loop.project)
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == f"unchanged: the recipe gives data {md5}, as data.dvc records"
    assert loop() == "unchanged"
    assert picture(loop.project) == before
    assert not loop.shown
    assert not (loop.project.work / "refresh.json").exists()
    assert not loop.triggered


def test_new_data_is_recorded_committed_and_retrained_on_once(loop: Loop) -> None:
    project = loop.project
    old = recorded_md5(project)
    (project.root / "mine.txt").write_text("mine")
    git(project.root, "add", "mine.txt")
    grow(project)

    assert loop() == "triggered"
    new = recorded_md5(project)
    assert current_md5(project) == md5_on(project, "main") == new != old
    assert status_clean(project)
    assert git(project.root, "status", "--porcelain", ":!src") == "A  mine.txt\n"
    changed = git(project.root, "show", "--name-only", "--format=", "HEAD").split()
    assert changed == [LOCK, "data.dvc"]
    message = git(project.root, "log", "-1", "--format=%B")
    assert message.startswith(f"Data {str(new)[:8]}: 10 rows added, 1 removed\n\ntrain: ")
    assert f"md5 {new}" in message
    assert not list(project.root.glob(".data*"))
    (shown,) = loop.shown
    assert shown.startswith(f"**Data {str(new)[:8]}: 10 rows added, 1 removed** (current branch)\n")
    assert shown.endswith(f"\n\nmd5 {new}, before {old}")

    assert loop() == "unchanged"
    assert len(loop.triggered) == 1
    assert git(project.root, "rev-list", "--count", "HEAD") == "3\n"


def test_without_a_deployment_it_retrains_here(loop: Loop) -> None:
    grow(loop.project)
    assert loop(deployment="") == "undecided"
    assert loop.retrained == [submission()]
    assert not loop.triggered
    assert loop(deployment="") == "unchanged"
    assert len(loop.retrained) == 1


def test_the_lock_says_what_the_recipe_resolved_to(loop: Loop) -> None:
    project = loop.project
    grow(project)
    loop()
    lock = json.loads(git(project.root, "show", f"HEAD:{LOCK}"))
    lines = {split: len((project.data / f"{split}.jsonl").read_text().splitlines())
             for split in ("train", "valid", "test")}  # fmt: skip
    assert (lock["schema"], lock["md5"], lock["rows"]) == (1, recorded_md5(project), lines)
    files = {path.name: sha256_text(path.read_text()) for path in project.root.glob("src/*.py")}
    assert lock["sources"] == {
        "ours": {
            "version": "local",
            "files": 69,
            "rows": 69,
            "sha256": sha256_text(json.dumps(files, sort_keys=True)),
        }
    }
    text = lock_path(project).read_text()
    (project.configs / "corpus.yaml").write_text(
        "# a comment\n" + (project.configs / "corpus.yaml").read_text()
    )
    grow(project, 200)
    loop()
    assert json.loads(lock_path(project).read_text())["recipe"] == json.loads(text)["recipe"]


@pytest.mark.parametrize("exists", [True, False])
def test_another_branch_moves_and_nothing_else_of_git(loop: Loop, exists: bool) -> None:
    project = loop.project
    if exists:
        git(project.root, "branch", NEW)
    (project.root / "mine.txt").write_text("mine")
    git(project.root, "add", "mine.txt")
    index = git(project.root, "ls-files", "--stage")
    head, main = (git(project.root, "rev-parse", name) for name in ("HEAD", "main"))
    grow(project)

    assert loop(NEW) == "triggered"
    assert git(project.root, "ls-files", "--stage") == index
    assert git(project.root, "rev-parse", "HEAD") == git(project.root, "rev-parse", "main") == head
    assert git(project.root, "rev-parse", f"{NEW}~1") == main
    assert git(project.root, "diff", "--name-only", "main", NEW).split() == [LOCK, "data.dvc"]
    assert md5_on(project, NEW) == recorded_md5(project) != md5_on(project, "main")
    assert loop(NEW) == "unchanged"

    # as after `git checkout data.dvc`: it is recorded again, but no news
    git(project.root, "checkout", "--quiet", "data.dvc")
    assert loop(NEW) == "recorded"
    assert len(loop.triggered) == 1
    assert git(project.root, "rev-list", "--count", f"main..{NEW}") == "1\n"


def test_a_project_below_the_repository(loop: Loop, tmp_path: Path) -> None:
    old = loop.project.root
    top = tmp_path / "top"
    top.mkdir()
    (old / ".git").rename(top / ".git")
    old.rename(top / "below")
    commit(top, "moved")
    (top / "below/.dvc/config").write_text("[core]\n    no_scm = true\n")
    project = Project(top / "below")
    for branch in ("", NEW):
        grow(project, 200 if branch else 100)
        Loop(project)(branch)
        on = branch or "main"
        assert git(top, "diff-tree", "--no-commit-id", "--name-only", "-r", on).split() == [
            f"below/{LOCK}",
            "below/data.dvc",
        ]


def test_unfit_data_changes_nothing(loop: Loop) -> None:
    recipe = loop.project.configs / "corpus.yaml"
    recipe.write_text(recipe.read_text().replace("MIT", "AGPL-3.0-only"))
    grow(loop.project)
    commit(loop.project.root, "another licence")
    before = picture(loop.project)
    with pytest.raises(DataError, match=r"not fit.*licence.*\[train\.jsonl:1 .*were left alone$"):
        loop()
    assert picture(loop.project) == before
    assert not loop.triggered


KILLS: dict[str, tuple[Any, str]] = {
    "before the swap": (refresh, "take_place"),
    "before dvc add": (versions, "record"),
    "before the commit": (repository, "commit"),
    "at the trigger": (Loop, "trigger"),
    "behind the trigger": (refresh, "settle"),
}


def die(where: str, monkeypatch: pytest.MonkeyPatch, loop: Loop, branch: str = "") -> None:
    def killed(*arguments: Any, **named: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(*KILLS[where], killed)
        with pytest.raises(Killed):
            loop(branch)


@pytest.mark.parametrize(
    ("where", "branch"), [*((where, "") for where in KILLS), ("before the commit", NEW)]
)
def test_what_was_cut_short_is_completed(
    loop: Loop, monkeypatch: pytest.MonkeyPatch, where: str, branch: str
) -> None:
    project, on = loop.project, branch or "main"
    grow(project)
    die(where, monkeypatch, loop, branch)
    assert loop(branch) == "triggered"
    assert current_md5(project) == recorded_md5(project) == md5_on(project, on)
    assert status_clean(project)
    assert git(project.root, "show", f"{on}:{LOCK}") == lock_path(project).read_text()
    assert "10 rows added, 1 removed" in git(project.root, "log", "-1", "--format=%s", on)
    assert git(project.root, "rev-list", "--count", on) == "3\n"
    assert len(set(loop.triggered)) == 1  # one token, so that Prefect would make one run
    assert loop(branch) == "unchanged"


def test_more_data_after_a_cut(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """data/ is then what the first refresh put there, which nothing has recorded."""
    project = loop.project
    grow(project)
    die("before dvc add", monkeypatch, loop)
    grow(project, 200)
    die("before the swap", monkeypatch, loop)
    assert loop() == "triggered"
    assert current_md5(project) == recorded_md5(project) == md5_on(project, "main")
    assert "20 rows added, 1 removed" not in git(project.root, "log", "-1", "--format=%s")
    assert "19 rows added, 1 removed" in git(project.root, "log", "-1", "--format=%s")


def test_a_swap_cut_in_two_is_mended(loop: Loop, left_by_a_kill: Callable[..., Path]) -> None:
    grow(loop.project)
    loop.project.data.rename(left_by_a_kill(loop.project.data, "old"))
    left_by_a_kill(loop.project.data).mkdir()
    assert loop() == "triggered"
    assert not list(loop.project.root.glob(".data*"))


def test_source_that_went_back_after_a_cut(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    project = loop.project
    before = picture(project)
    new = project.root / "src/new.py"
    new.write_text(function(500))
    die("before dvc add", monkeypatch, loop)
    new.unlink()
    assert loop() == "unchanged"
    assert picture(project) == before


def test_without_retraining_it_is_owed(loop: Loop, capsys: pytest.CaptureFixture[str]) -> None:
    grow(loop.project)
    assert loop(retrain=False) == "recorded"
    assert loop(retrain=False) == "unchanged"
    assert "; a retraining on it is still to come\n" in capsys.readouterr().out
    assert loop() == "triggered"
    assert loop() == "unchanged"


def test_data_that_comes_back_is_news_again(loop: Loop) -> None:
    project = loop.project
    new = project.root / "src/new.py"
    for content in (True, False, True):
        if content:
            new.write_text(function(500))
        else:
            new.unlink()
        assert loop() == "triggered"
    assert len(set(loop.triggered)) == 3


def test_built_by_hand_but_not_recorded(loop: Loop) -> None:
    grow(loop.project)
    build(load_recipe(loop.project.configs / "corpus.yaml"), loop.project)
    assert loop() == "triggered"
    assert md5_on(loop.project, "main") == current_md5(loop.project)


def test_a_fresh_clone_gets_its_data(loop: Loop, tmp_path: Path) -> None:
    git(loop.project.root, "clone", "--quiet", str(loop.project.root), str(tmp_path / "fresh"))
    fresh = Loop(Project(tmp_path / "fresh"))
    assert fresh() == "unchanged"
    assert sha256_folder(fresh.project.data) == sha256_folder(loop.project.data)
    assert status_clean(fresh.project)


def test_the_replaced_version_stays_in_the_cache(loop: Loop) -> None:
    project = loop.project
    before = sha256_folder(project.data)
    shutil.rmtree(project.root / ".dvc/cache")
    grow(project)
    loop()
    git(project.root, "checkout", "--quiet", "HEAD~1", "data.dvc")
    shutil.rmtree(project.root / "src")  # so that it cannot have been built
    ensure_data(project, load_recipe(project.configs / "corpus.yaml"))
    assert sha256_folder(project.data) == before


@pytest.mark.parametrize("grown", [True, False])
def test_unrecorded_changes_are_kept(loop: Loop, grown: bool) -> None:
    project = loop.project
    with (project.data / "train.jsonl").open("a") as out:
        out.write("{}\n")
    if grown:
        grow(project)
    before = picture(project)
    with pytest.raises(DataError, match=r"^data/ differs from data\.dvc in train\.jsonl, "):
        loop()
    assert picture(project) == before


def test_data_that_a_retraining_reads_is_left_alone(loop: Loop) -> None:
    grow(loop.project)
    before = picture(loop.project)
    with (
        FileLock(loop.project.work / "retrainings/abc/attempt-001/.lock"),
        pytest.raises(DataError, match=r"the retraining in .*/attempt-001 is reading it; run"),
    ):
        loop()
    assert picture(loop.project) == before
    assert loop() == "triggered"


def test_one_refresh_at_a_time(loop: Loop) -> None:
    with (
        refresh.only_refresh(loop.project),
        pytest.raises(ConfigError, match=r"^a refresh is already running; "),
    ):
        loop()
    assert loop() == "unchanged"


def detach(project: Project) -> None:
    git(project.root, "checkout", "--quiet", "--detach")


def remove_git(project: Project) -> None:
    shutil.rmtree(project.root / ".git")


def remove_dvc(project: Project) -> None:
    shutil.rmtree(project.root / ".dvc")


def check_out_elsewhere(project: Project) -> None:
    git(project.root, "worktree", "add", "--quiet", "-b", NEW, str(project.root / ".wt"))


@pytest.mark.parametrize(
    ("spoil", "branch", "fault"),
    [
        (detach, "", "HEAD is detached, .* name one with --branch"),
        (remove_git, "", "no git repository to commit to in .*: fatal: not a git repository"),
        (remove_dvc, "", "DVC is not initialised in .*; run `dvc init`"),
        (check_out_elsewhere, NEW, "branch new-data is checked out in .*; refresh there"),
    ],
)
def test_where_nothing_can_be_committed(
    loop: Loop, spoil: Callable[[Project], None], branch: str, fault: str
) -> None:
    grow(loop.project)
    spoil(loop.project)
    before = sha256_folder(loop.project.data)
    with pytest.raises(DataError, match=f"^{fault}") as error:
        loop(branch)
    assert "\n" not in str(error.value)
    assert sha256_folder(loop.project.data) == before


def test_no_name_for_a_branch(loop: Loop) -> None:
    for name in ("a..b", "-d", "a b"):
        with pytest.raises(ConfigError, match="is no name for a git branch"):
            loop(name)


def test_a_detached_head_can_commit_to_a_named_branch(loop: Loop) -> None:
    detach(loop.project)
    grow(loop.project)
    assert loop("main") == "triggered"
    assert md5_on(loop.project, "main") == recorded_md5(loop.project)


def test_a_hook_that_refuses_is_quoted_and_costs_nothing(loop: Loop) -> None:
    hook = loop.project.root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho looking >&2\necho not on a Friday >&2\nexit 1\n")
    hook.chmod(0o755)
    grow(loop.project)
    with pytest.raises(DataError, match=r"^git commit: not on a Friday; mend that and run this"):
        loop()
    assert not loop.triggered
    hook.unlink()
    assert loop() == "triggered"
    assert md5_on(loop.project, "main") == recorded_md5(loop.project)


@pytest.mark.parametrize("branch", ["", NEW])
def test_author(loop: Loop, monkeypatch: pytest.MonkeyPatch, branch: str) -> None:
    """The configured one; a fallback only where there is none."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    on = branch or "main"
    grow(loop.project)
    loop(branch)
    author = git(loop.project.root, "log", "-1", "--format=%an <%ae>, %cn <%ce>", on)
    assert author == "steadycode <steadycode@localhost>, steadycode <steadycode@localhost>\n"
    git(loop.project.root, "config", "user.name", "Ada")
    git(loop.project.root, "config", "user.email", "ada@example.org")
    grow(loop.project, 200)
    loop(branch)
    assert (
        git(loop.project.root, "log", "-1", "--format=%an <%ae>", on) == "Ada <ada@example.org>\n"
    )


def test_damaged_state_is_one_line(loop: Loop) -> None:
    loop.project.work.mkdir(exist_ok=True)
    for damage in ("{", "[]", '{"schema": 1}'):
        (loop.project.work / "refresh.json").write_text(damage)
        with pytest.raises(DataError, match=r"refresh\.json is damaged \(.*\); remove it"):
            loop()
