"""A flow that is killed at any moment goes on from there, to the result it would have had."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.slow

STEPS = 60
RETRAIN = ("retrain", "--profile", "smoke", "--set", f"train.steps={STEPS}")
PATIENCE_SECONDS = 120.0
ATTEMPT = ".steadycode/retrainings/*/attempt-001"

Reached = Callable[[Path], bool]


def validating(root: Path) -> bool:
    return bool(_query(root, "SELECT 1 FROM runs WHERE name = 'validate'"))


def base_uploading(root: Path) -> bool:
    return bool(_query(root, "SELECT 1 FROM logged_models"))


def base_registered(root: Path) -> bool:
    return bool(_query(root, "SELECT 1 FROM model_versions"))


def training_logged(root: Path) -> bool:
    """Some steps are done, and MLflow holds some of what was measured."""
    logged = (
        "SELECT 1 FROM metrics JOIN tags USING (run_uuid) "
        "WHERE tags.key = 'steadycode.stage' AND tags.value = 'train'"
    )
    return bool(_query(root, logged)) and any(
        event["kind"] == "metric" and event["name"] == "train/loss_mle" and event["step"] >= 2
        for events in root.glob(f"{ATTEMPT}/train/events.jsonl")
        for event in _events(events)
    )


def checkpoint_written(root: Path) -> bool:
    """A later one than the training that came before left."""
    return any(
        json.loads(index.read_text())["checkpoints"][0]["step"] >= 20
        for index in root.glob(f"{ATTEMPT}/train/checkpoints.json")
    )


def training_finished(root: Path) -> bool:
    return any(root.glob(f"{ATTEMPT}/train/manifest.json"))


def champion_completes(root: Path) -> bool:
    return _completes(_evaluation(root, of_candidate=False))


def candidate_completes(root: Path) -> bool:
    return _completes(_evaluation(root, of_candidate=True))


def candidate_evaluated(root: Path) -> bool:
    folder = _evaluation(root, of_candidate=True)
    return folder is not None and (folder / "manifest.json").exists()


def candidate_uploading(root: Path) -> bool:
    tags = "SELECT 1 FROM logged_model_tags WHERE tag_key = 'steadycode.attempt' AND tag_value = 1"
    return bool(_query(root, tags))


def candidate_registered(root: Path) -> bool:
    return bool(_query(root, "SELECT 1 FROM model_versions WHERE version = 2"))


def decision_recorded(root: Path) -> bool:
    tags = "SELECT 1 FROM model_version_tags WHERE version = 2 AND key = 'decision.record'"
    return bool(_query(root, tags))


def attempt_ended(root: Path) -> bool:
    return any(root.glob(f"{ATTEMPT}/decision.json"))


MOMENTS = [
    *(validating, base_uploading, base_registered, training_logged, checkpoint_written),
    *(training_finished, champion_completes, candidate_completes, candidate_evaluated),
    *(candidate_uploading, candidate_registered, decision_recorded, attempt_ended),
]
"""In the order of a run: seen at one of them, it has not reached the next."""


@pytest.fixture(scope="module")
def uninterrupted(new_workplace: Callable[[], Any]) -> Any:
    place = new_workplace()
    done = place.run(*RETRAIN)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return place


@pytest.fixture
def place(new_workplace: Callable[[], Any]) -> Iterator[Any]:
    made = new_workplace()
    yield made
    made.stop()


@pytest.mark.parametrize(
    "moments",
    [(checkpoint_written,), tuple(MOMENTS[:-1])],
    ids=["in-training", "at-12-moments"],
)
def test_a_killed_flow_goes_on(
    moments: tuple[Reached, ...], place: Any, uninterrupted: Any
) -> None:
    finished: dict[Path, int] = {}
    for moment in moments:
        _kill_flow(place, moment)
        _assert_kept(place, finished)
        finished = _manifests(place.root)
    again = place.run(*RETRAIN)
    assert again.returncode == 0, again.stdout[-3000:] + again.stderr[-3000:]
    if moments[-1] is checkpoint_written:
        assert "continuing from step" in again.stdout
    _assert_kept(place, finished)
    _assert_whole(place)
    _assert_same_result(place, uninterrupted)
    _assert_clean(place)


def test_a_flow_goes_on_when_its_stages_are_killed(place: Any, uninterrupted: Any) -> None:
    """Each once, at a moment of its own; the flow itself starts it again."""
    flow = place.start(*RETRAIN)
    for moment in (checkpoint_written, champion_completes, candidate_completes):
        _await(place, flow, moment)
        for pid, _ in _family(flow.pid):
            if b"steadycode.stages" in _command(pid):
                os.kill(pid, signal.SIGKILL)
    assert flow.wait(timeout=PATIENCE_SECONDS) == 0, (place.root / "output.txt").read_text()[-3000:]
    assert "continuing from step" in (place.root / "output.txt").read_text()
    _assert_whole(place)
    _assert_same_result(place, uninterrupted)
    _assert_clean(place)


def test_a_stage_that_dies_twice_says_why(place: Any) -> None:
    flow = place.start(*RETRAIN)
    _await(place, flow, training_logged)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while flow.poll() is None and time.monotonic() < deadline:
        begun = any(log.stat().st_size for log in place.root.glob(f"{ATTEMPT}/train/stage.log"))
        for pid, _ in _family(flow.pid) if begun else ():
            if b"steadycode.stages.train" in _command(pid):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)
    assert flow.returncode == 1
    assert "train ended with signal SIGKILL" in (place.root / "output.txt").read_text()
    (run,) = place.attempts()
    assert run.info.status == "FAILED"
    assert run.data.tags["steadycode.failed_stage"] == "train"
    shown = place.run("runs")
    assert "failed in train" in shown.stdout
    assert "SIGKILL" in shown.stdout
    told = place.run("runs", "--run", run.info.run_id[:8])
    assert "the end of stage.log" in told.stdout


PROMOTES = {"rules": ["correctness/full"], "margin": 0.5, "min_problems": 2,
            "require_improvement": False}  # fmt: skip
KILLED_BEFORE_PUBLISHING = """
import os, signal, sys
from steadycode.commands.app import app
from steadycode.retraining import steps
steps.publish = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
app()
"""


def test_killed_after_its_promotion_a_run_from_the_champion_is_completed(place: Any) -> None:
    """By the same command, though the champion, from which it starts, is its own candidate now."""
    (place.root / "configs" / "promotes.yaml").write_text(yaml.safe_dump(PROMOTES))
    command = (*RETRAIN, "--set", "model.start=champion", "--set", "gate=promotes")
    with (place.root / "output.txt").open("wb") as output:  # Prefect's server keeps it open
        killed = subprocess.run(
            [sys.executable, "-c", KILLED_BEFORE_PUBLISHING, *command],
            cwd=place.root, env=place._environment(), stdout=output, stderr=output, check=False,
        )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, (place.root / "output.txt").read_text()[-3000:]
    assert place.registry()["aliases"]["steadycode-smoke"]["champion"] == 2
    finished = _manifests(place.root)
    again = place.run(*command)
    assert again.returncode == 0, again.stdout[-3000:] + again.stderr[-3000:]
    _assert_kept(place, finished)
    (run,) = place.attempts()
    assert (run.info.status, run.data.tags["decision"]) == ("FINISHED", "promote")
    (folder,) = place.root.glob(".steadycode/retrainings/*/*")
    assert json.loads((folder / "decision.json").read_text())["outcome"] == "promote"
    registry = place.registry()
    assert registry["aliases"]["steadycode-smoke"] == {"champion": 2, "previous-champion": 1}
    assert sorted(version for _, version in registry["versions"]) == [1, 2]


def _kill_flow(place: Any, reached: Reached) -> None:
    """Start a run and kill the flow, it alone, when ``reached``."""
    flow = place.start(*RETRAIN)
    try:
        _await(place, flow, reached)
        flow.send_signal(signal.SIGSTOP)  # so that the moment does not pass while we look
        stages = {one for one in _family(flow.pid) if not _is_prefect(one[0])}
    finally:
        flow.kill()
        flow.wait()
    assert flow.returncode == -signal.SIGKILL
    _assert_dead(place, stages)
    too_late = MOMENTS[MOMENTS.index(reached) + 1]
    if too_late(place.root):  # a busy machine: what follows must hold all the same
        warnings.warn(f"killed at {too_late.__name__}, not at {reached.__name__}", stacklevel=2)


def _await(place: Any, flow: Any, reached: Reached) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached(place.root):
        output = (place.root / "output.txt").read_text()
        assert flow.poll() is None, f"it ended before {reached.__name__}:\n{output[-3000:]}"
        assert time.monotonic() < deadline, f"never {reached.__name__}:\n{output[-3000:]}"
        time.sleep(0.005)


def _assert_dead(place: Any, stages: set[tuple[int, str]]) -> None:
    """No stage, and nothing that a stage has started, outlives the flow."""
    deadline = time.monotonic() + 5
    while True:
        alive = [pid for pid, began in stages if _stat(pid)[1:] == (began,)]
        left = [cmd for pid, cmd in place.processes().items() if not _is_prefect(pid)]
        if not alive and not left:
            return
        assert time.monotonic() < deadline, (alive, left)
        time.sleep(0.1)


def _assert_kept(place: Any, finished: dict[Path, int]) -> None:
    """Stages that had been finished were not run again."""
    now = _manifests(place.root)
    assert {path: now.get(path) for path in finished} == finished


def _assert_whole(place: Any) -> None:
    """What stands in the registry and the runs shows no trace of a kill but what was set aside."""
    registry = place.registry()
    assert registry["aliases"] == {"steadycode-smoke": {"champion": 1}}
    assert sorted(version for _, version in registry["versions"]) == [1, 2]
    assert len(list((place.root / "mlruns").rglob("*.safetensors"))) == 2  # no torn upload stays
    (folder,) = place.root.glob(".steadycode/retrainings/*/*")
    decision = json.loads((folder / "decision.json").read_text())
    (parent,) = place.attempts()
    assert parent.info.status == "FINISHED"
    assert "steadycode.reason" not in parent.data.tags
    assert parent.data.tags["decision"] == decision["outcome"]
    _, run_id, tags = registry["versions"]["steadycode-smoke", 2]
    assert (run_id, tags["decision"]) == (parent.info.run_id, decision["outcome"])

    nested = place.runs(mlflow__parentRunId=parent.info.run_id)
    live = [run for run in nested if "steadycode.set_aside" not in run.data.tags]
    stages = ["validate", "train", "evaluate-champion", "evaluate-candidate", "register", "decide"]
    assert sorted(run.data.tags["steadycode.stage"] for run in live) == sorted(stages)
    assert {run.info.status for run in live} == {"FINISHED"}
    assert not any("steadycode.reason" in run.data.tags for run in live)
    assert {run.info.status for run in nested if run not in live} <= {"KILLED", "FAILED"}
    (train,) = [run for run in live if run.data.tags["steadycode.stage"] == "train"]
    _assert_every_step_once(place, train)


def _assert_clean(place: Any) -> None:
    """The last run has cleaned up behind those before it, and leaves nothing itself."""
    assert place.processes() == {}
    assert not [run for run in place.runs() if run.info.status == "RUNNING"]
    with closing(sqlite3.connect(place.root / ".prefect/prefect.db")) as database:
        query = "SELECT name FROM flow_run WHERE state_type IN ('RUNNING', 'PENDING')"
        assert database.execute(query).fetchall() == []
    found = place.run("doctor")
    assert (found.returncode, found.stdout.strip()) == (0, "nothing is left of earlier runs")
    train = place.root.glob(f"{ATTEMPT}/train/*")
    assert {path.name for path in train} <= {
        *("job.json", "events.jsonl", "stage.log", "manifest.json", ".lock"),
    }


def _assert_every_step_once(place: Any, train: Any) -> None:
    told = defaultdict(list)
    (events,) = place.root.glob(f"{ATTEMPT}/train/events.jsonl")
    for event in _events(events):
        if event["kind"] == "metric":
            told[event["name"]].append(event["step"])
    assert told["train/loss_mle"] == list(range(1, STEPS + 1))
    assert told["train/loss_token"] == told["train/loss_sequence"] == told["train/loss_mle"]
    for name, steps in told.items():
        history = place.client().get_metric_history(train.info.run_id, name)
        assert sorted(metric.step for metric in history) == steps, name


def _assert_same_result(place: Any, uninterrupted: Any) -> None:
    """The same weights, bit for bit, and the same evidence as without a kill."""
    mine, theirs = (one.registry()["versions"]["steadycode-smoke", 2] for one in
                    (place, uninterrupted))  # fmt: skip
    for tag in ("fingerprint", "steadycode.retraining", "decision", "data.md5"):
        assert mine[2][tag] == theirs[2][tag], tag
    figures = ("recode/", "heldout/", "representation/")
    here, there = (
        {k: v for k, v in one.attempts()[0].data.metrics.items() if k.startswith(figures)}
        for one in (place, uninterrupted)
    )
    assert here == there
    assert here


def _evaluation(root: Path, of_candidate: bool) -> Path | None:
    for job in root.glob(".steadycode/evaluations/*/job.json"):
        if ("/retrainings/" in json.loads(job.read_text())["inputs"]["model"]) == of_candidate:
            return job.parent
    return None


def _completes(folder: Path | None) -> bool:
    return folder is not None and any(
        event["kind"] == "progress" and event["label"] == "completions"
        for event in _events(folder / "events.jsonl")
    )


def _events(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    whole, _, _ = path.read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def _query(root: Path, query: str) -> list[Any]:
    try:
        address = f"file:{root}/mlruns/mlflow.db?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=1)) as database:
            return database.execute(query).fetchall()
    except sqlite3.OperationalError:  # no file, no table, or busy
        return []


def _manifests(root: Path) -> dict[Path, int]:
    found = (root / ".steadycode").rglob("manifest.json")
    return {path: path.stat().st_mtime_ns for path in found}


def _family(ancestor: int) -> set[tuple[int, str]]:
    """(pid, start time) of the live descendants of a process."""
    children = defaultdict(list)
    for folder in Path("/proc").glob("[0-9]*"):
        parent, *began = _stat(int(folder.name))
        if began:
            children[parent].append((int(folder.name), began[0]))
    found: set[tuple[int, str]] = set()
    todo = [ancestor]
    while todo:
        family = children[str(todo.pop())]
        found.update(family)
        todo += [pid for pid, _ in family]
    return found


def _stat(pid: int) -> tuple[str, ...]:
    """The parent's pid and the start time of a process; only the former of one that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ("",)
    return (fields[1],) if fields[0] in "ZX" else (fields[1], fields[19])


def _is_prefect(pid: int) -> bool:
    """Prefect's own server outlives the flow; the next run ends it."""
    return b"prefect.server" in _command(pid)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
