"""A night without anybody: a server, a worker and a schedule, and what is left when they die."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 240.0


class Team:
    """A project with ``steadycode up``, on ports of its own, and what Prefect knows of it."""

    def __init__(self, place: Any) -> None:
        self.place = place
        self.ports = _free_port(), _free_port()

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}/api"

    def up(self, *options: str) -> str:
        ports = ("--prefect-port", str(self.ports[0]), "--mlflow-port", str(self.ports[1]))
        done = self.place.run("up", *ports, *options)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return str(done.stdout)

    def python(self, script: str) -> Any:
        """What a script with Prefect's client ``c`` puts into ``result``."""
        environment = {**os.environ, "PREFECT_API_URL": self.api, "PREFECT_LOGGING_LEVEL": "ERROR",
                       "PREFECT_HOME": str(self.place.root / ".prefect")}  # fmt: skip
        whole = (
            "import json\nfrom datetime import *\nfrom prefect.client.orchestration import "
            f"get_client\nwith get_client(sync_client=True) as c:\n{script}\nprint(json.dumps("
            "result))"
        )
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", whole],
            env=environment, cwd=self.place.root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout)

    def trigger(self, deployment: str, **parameters: Any) -> str:
        """The id of a flow run that begins now."""
        return str(
            self.python(
                f"  d = c.read_deployment_by_name({deployment!r})\n"
                f"  run = c.create_flow_run_from_deployment(d.id, parameters={parameters!r})\n"
                "  result = str(run.id)"
            )
        )

    def cancel(self, run: str) -> None:
        """As the button on Prefect's page does."""
        self.python(
            "  from prefect.states import Cancelling\n"
            f"  c.set_flow_run_state({run!r}, Cancelling())\n  result = 0"
        )

    def runs(self) -> dict[str, str]:
        """Flow run -> state, of all that are not to come."""
        found = self.python(
            "  result = {str(r.id): [r.state.name, r.auto_scheduled] for r in c.read_flow_runs()}"
        )
        return {key: state for key, (state, _) in found.items() if state != "Scheduled"}

    def until(self, reached: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := reached()):
            log = self.place.root / ".steadycode/services/worker-local-process.log"
            tail = log.read_text()[-3000:] if log.exists() else ""
            assert time.monotonic() < deadline, f"never {what}: {self.runs()}\n{tail}"
            time.sleep(0.3)
        return found

    def processes(self, words: str) -> list[int]:
        return [pid for pid, command in self.place.processes().items() if words in command]

    def services(self) -> list[list[int]]:
        words = ("prefect server start", "prefect worker start", "-m mlflow server")
        return [self.processes(one) for one in words]

    def kill(self, words: str = "") -> None:
        for pid in self.processes(words):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def team(new_workplace: Callable[[], Any]) -> Iterator[Team]:
    """With nightly every minute, of the smoke profile."""
    place = new_workplace()
    _deployments(place.root, cron="* * * * *")
    made = Team(place)
    made.up()
    yield made
    place.run("down")


@pytest.fixture(scope="module")
def letters(team: Team) -> Iterator[list[str]]:
    """What a notification block has been told; its web hook is here."""
    received: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            received.append(self.rfile.read(length).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    team.python(
        "  from prefect.blocks.notifications import CustomWebhookNotificationBlock as Hook\n"
        f"  hook = Hook(name='ops', url='http://127.0.0.1:{server.server_port}/',"
        " json_data={'text': '{{subject}}: {{body}}'})\n"
        "  hook.save('ops', overwrite=True)\n"
        "  result = 0"
    )
    yield received
    server.shutdown()


def test_the_schedule_makes_a_run_and_the_worker_finishes_it(team: Team) -> None:
    def done() -> list[str]:
        return [key for key, state in team.runs().items() if state == "Completed"]

    (first, *_) = team.until(done, "a scheduled run that completed")
    scheduled = team.python(f"  result = c.read_flow_run({first!r}).auto_scheduled")
    assert scheduled is True
    assert ("steadycode-smoke", 2) in team.place.registry()["versions"]
    shown = team.place.run("status").stdout
    assert "retrain/nightly  * * * * *" in shown
    assert "worker local-process: running" in shown
    for port, words in zip(team.ports, ("Prefect", "MLflow"), strict=True):
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20).read().decode()
        assert words in page
    told = urllib.request.urlopen(f"http://127.0.0.1:{team.ports[0]}/ui-settings", timeout=20)
    assert json.loads(told.read())["api_url"] == team.api


def test_up_again_takes_what_prefect_yaml_says_now_and_who_is_to_be_told(
    team: Team, letters: list[str]
) -> None:
    _deployments(team.place.root, cron=None)
    wrong = team.place.run("up", "--notify", "slack-webhook/nobody")
    assert wrong.returncode == 2
    assert "no Prefect block 'slack-webhook/nobody'" in wrong.stderr
    before = team.services()
    team.up("--notify", "custom-webhook/ops")
    assert team.services() == before  # nothing was started twice
    assert [len(pids) for pids in before] == [1, 1, 1]
    other = team.place.run("up", "--prefect-port", str(_free_port()))
    assert other.returncode == 2
    assert f"prefect runs on port {team.ports[0]}" in other.stderr
    assert "retrain/nightly  not scheduled" in team.place.run("status").stdout
    busy = {"Running", "Pending", "Submitting"}
    team.until(lambda: not busy & set(team.runs().values()), "a quiet server")


def test_a_flow_that_is_killed_is_told_of_and_goes_on(team: Team, letters: list[str]) -> None:
    run = _start_training(team, seed=1)
    team.kill("prefect.engine")
    team.until(lambda: team.runs().get(run) == "Crashed", "marked as crashed")
    told = "retrain Crashed: retrain smoke"
    team.until(lambda: [one for one in letters if told in one and f"{run}" in one], "told")
    _finishes(team, _again(team, seed=1))
    _assert_one_version(team, seed=1)
    shown = team.place.run("status").stdout
    assert re.search(r"last: due [-\d: ]+, started [-\d: ]+, ended [-\d: ]+: completed", shown)


def test_a_worker_that_is_killed_takes_its_run_along_and_both_go_on(team: Team) -> None:
    run = _start_training(team, seed=2)
    team.kill("prefect worker start")
    team.until(lambda: team.runs().get(run) in ("Crashed", "Completed"), "the end of the run")
    assert "worker local-process: NOT running" in team.place.run("status").stdout
    team.up()
    _finishes(team, _again(team, seed=2))
    _assert_one_version(team, seed=2)


def test_a_machine_that_goes_down_holds_no_slot(team: Team) -> None:
    run = _start_training(team, seed=3)
    team.kill()  # all at once, the server and its memory of slots too
    assert "that nothing runs" in team.up()
    assert team.runs().get(run) == "Crashed"
    _finishes(team, _again(team, seed=3))
    _assert_one_version(team, seed=3)
    assert not [one for one in team.place.runs() if one.info.status == "RUNNING"]
    assert team.place.run("doctor").stdout.strip() == "nothing is left of earlier runs"


def test_a_cancelled_run_ends_its_stage(team: Team) -> None:
    before = set(team.place.processes())
    run = _start_training(team, seed=6)
    team.cancel(run)
    team.until(lambda: team.runs().get(run) == "Cancelled", "cancelled")
    team.until(lambda: set(team.place.processes()) <= before, "without what the run has started")
    assert not [one for one in team.place.runs() if one.info.status == "RUNNING"]
    _finishes(team, _again(team, seed=6))
    _assert_one_version(team, seed=6)


def test_a_run_by_hand_is_cancelled_on_prefects_page_too(team: Team) -> None:
    before = set(team.runs())
    command = team.place.start(
        *("retrain", "--profile", "smoke", "--set", "seed=7", "--set", "train.steps=600")
    )
    team.until(lambda: team.processes("stages.train"), "training")
    (run,) = set(team.runs()) - before
    team.cancel(run)
    assert command.wait(timeout=PATIENCE_SECONDS) == 130
    assert team.processes("steadycode.stages") == []
    assert team.runs()[run] == "Cancelled"
    assert not [one for one in team.place.runs() if one.info.status == "RUNNING"]
    assert "the same command goes on from here" in (team.place.root / "output.txt").read_text()


def test_a_run_that_was_missed_or_failed_early_is_shown_with_its_reason(team: Team) -> None:
    team.kill("prefect worker start")
    team.python(
        "  from prefect.states import Scheduled\n"
        "  d = c.read_deployment_by_name('retrain/nightly')\n"
        "  late = Scheduled(scheduled_time=datetime.now(timezone.utc) - timedelta(minutes=20))\n"
        "  result = str(c.create_flow_run_from_deployment(d.id, state=late).id)"
    )
    shown = team.place.run("runs").stdout
    assert "retrain/nightly missed: missed" in shown
    assert "no worker of pool local-process took it" in shown
    (missed,) = team.place.runs(steadycode__missed="true")
    assert missed.info.status == "FAILED"
    team.up()
    team.until(  # it was late after all: then it has a run of its own
        lambda: not team.place.runs(steadycode__missed="true"), "begun late"
    )
    team.until(lambda: "Running" not in team.runs().values(), "ended")
    train = team.place.root / "data" / "train.jsonl"
    whole = train.read_bytes()
    train.write_bytes(whole[: len(whole) // 2])
    failed = _again(team, seed=4)
    team.until(lambda: team.runs().get(failed) == "Failed", "failed")
    train.write_bytes(whole)
    config = {"profile": "smoke", "overrides": ["train.steps=0"]}  # the form's schema takes it
    nonsense = team.trigger("retrain/nightly", config=config)
    team.until(lambda: team.runs().get(nonsense) == "Failed", "failed")
    shown = team.place.run("runs").stdout
    assert "should be greater than or equal to 1" in " ".join(shown.split())
    assert "retrain/nightly failed: failed" in shown
    assert "differs from data.dvc" in shown
    lost = team.place.runs(steadycode__flow_run=failed)
    assert lost[0].data.tags["steadycode.reason"]


def test_a_lost_record_of_what_is_up_hides_nothing(team: Team) -> None:
    record = team.place.root / ".steadycode" / "services.json"
    whole = record.read_text()
    record.write_text("{broken")
    up = team.place.run("up")
    assert up.returncode == 2
    assert "`steadycode down` stops them" in up.stderr
    record.write_text(whole)
    assert team.place.run("doctor").returncode == 0


def test_down_stops_what_runs_and_leaves_nothing(team: Team) -> None:
    _start_training(team, seed=5)
    done = team.place.run("down")
    assert done.returncode == 0, done.stderr
    assert team.place.processes() == {}
    assert not (team.place.root / ".steadycode/services.json").exists()
    for port in team.ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert not [one for one in team.place.runs() if one.info.status == "RUNNING"]
    assert "nothing is up" in team.place.run("down").stdout
    for path in (team.place.root / ".steadycode" / "services").iterdir():
        assert path.suffix == ".log"
    # what was stopped goes on, by hand and without a server
    again = team.place.run("retrain", "--profile", "smoke", "--set", "seed=5",
                           "--set", "train.steps=60")  # fmt: skip
    assert again.returncode == 0, again.stdout[-3000:] + again.stderr[-3000:]
    _assert_one_version(team, seed=5)


def _deployments(root: Path, cron: str | None) -> None:
    """prefect.yaml with the smoke profile everywhere, and nightly as ``cron`` says."""
    path = root / "prefect.yaml"
    content = yaml.safe_load(path.read_text())
    for deployment in content["deployments"]:
        deployment["parameters"]["config"] = {"profile": "smoke", "overrides": []}
        deployment.pop("schedules", None)
        if deployment["name"] == "nightly" and cron:
            deployment["schedules"] = [{"cron": cron, "timezone": "Etc/UTC", "active": True}]
    path.write_text(yaml.safe_dump(content))


def _start_training(team: Team, seed: int) -> str:
    """A run of which a checkpoint is written."""
    before = set(team.place.root.glob(".steadycode/retrainings/*"))
    run = _again(team, seed)

    def trains() -> bool:
        new = set(team.place.root.glob(".steadycode/retrainings/*")) - before
        return any(list(folder.glob("*/train/checkpoints.json")) for folder in new)

    team.until(trains, "training")
    return run


def _again(team: Team, seed: int) -> str:
    config = {"profile": "smoke", "overrides": [f"seed={seed}", "train.steps=60"]}
    return team.trigger("retrain/nightly", config=config)


def _finishes(team: Team, run: str) -> None:
    ends = ("Completed", "Failed", "Crashed", "Cancelled")
    team.until(lambda: team.runs().get(run) in ends, "finished")
    assert team.runs().get(run) == "Completed"


def _assert_one_version(team: Team, seed: int) -> None:
    """One attempt with this seed, which was resumed, and one version of it."""
    attempts = [run for run in team.place.attempts() if run.data.params.get("seed") == str(seed)]
    (attempt,) = [run for run in attempts if run.info.status == "FINISHED"]
    assert len(attempts) == 1
    versions = team.place.registry()["versions"].values()
    assert [run for _, run, _ in versions].count(attempt.info.run_id) == 1


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
