"""Prefect's form, submitted to a real server as its page does: what runs is what was shown."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from steadycode.config import load_config
from steadycode.operations.deploying import deploy, ensure_pools
from steadycode.operations.services import POOLS
from steadycode.project import Project

PATIENCE_SECONDS = 180.0
RUN = """
import sys
from uuid import UUID

from prefect.flow_engine import load_flow_and_flow_run, run_flow

from steadycode.retraining import context


class Noted(Exception):
    pass


def open_retraining(project, config, *others):
    print("CONFIG " + config.model_dump_json())
    raise Noted  # the job itself is not what this is about


context.open_retraining = open_retraining
run, flow = load_flow_and_flow_run(UUID(sys.argv[1]))
run_flow(flow, flow_run=run, return_type="state")
"""
"""What a worker's process does, with a retraining that only tells its configuration."""


@dataclass(frozen=True)
class Server:
    project: Project
    api: str
    environment: Mapping[str, str]

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """An answer of the API. Raises HTTPError when it refuses."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.api}/{path}", data)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def form(self, deployment: str) -> tuple[str, dict[str, Any]]:
        """The deployment's id, and what its page would post back when no field was touched."""
        row = self.ask(f"deployments/name/{deployment}")
        schema = row["parameter_openapi_schema"]
        return row["id"], filled(schema, schema, row["parameters"])

    def ran(self, deployment: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration of the run that a submission makes."""
        run = self.ask(f"deployments/{deployment}/create_flow_run", {"parameters": parameters})
        done = subprocess.run(
            [sys.executable, "-c", RUN, run["id"]], env=self.environment, cwd=self.project.root,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        told = [line for line in done.stdout.splitlines() if line.startswith("CONFIG ")]
        assert len(told) == 1, done.stdout[-2000:] + done.stderr[-3000:]
        return dict(json.loads(told[0].removeprefix("CONFIG ")))


def filled(schema: Mapping[str, Any], whole: Mapping[str, Any], given: Any) -> Any:
    """A form's value: what the deployment gives, and the schema's default of every other field."""
    if "$ref" in schema:
        schema = whole["definitions"][schema["$ref"].rpartition("/")[2]]
    if "properties" not in schema:
        return schema.get("default") if given is None else given
    if given is None:
        given = schema.get("default") or {}
    return {
        key: filled(field, whole, given.get(key)) for key, field in schema["properties"].items()
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prefect server with the deployments of prefect.yaml, on a project of its own."""
    repository = Path(__file__).resolve().parents[2]
    project = Project(tmp_path_factory.mktemp("form"))
    for name in ("configs", "flows"):
        shutil.copytree(repository / name, project.root / name)
    shutil.copy(repository / "prefect.yaml", project.root)
    (project.root / "data.dvc").touch()
    port = _free_port()
    api = f"http://127.0.0.1:{port}/api"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("PREFECT_HOME", str(project.prefect))
        patch.setenv("PREFECT_LOGGING_LEVEL", "ERROR")
        patch.setenv("STEADYCODE_HOME", str(project.root))
        patch.setenv("STEADYCODE_PROCESS", "")
        project.prepare_environment()
        command = ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(
            [sys.executable, "-m", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait_for(f"{api}/health", process)
            patch.setenv("PREFECT_API_URL", api)
            from prefect.settings import PREFECT_API_URL, temporary_settings

            with temporary_settings({PREFECT_API_URL: api}):
                ensure_pools(POOLS)
                deploy(project)
            yield Server(project, api, dict(os.environ))
        finally:
            process.terminate()
            process.wait(60)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.3)


@pytest.mark.parametrize(
    ("deployment", "profile"),
    [("retrain/nightly", "quick"), ("retrain/weekly-gpu", "smollm2-135m")],
)
def test_an_untouched_form_runs_exactly_the_profile(
    server: Server, deployment: str, profile: str
) -> None:
    key, form = server.form(deployment)
    assert form["config"] == {"profile": profile, "overrides": []}
    assert server.ran(key, form) == load_config(profile).model_dump(mode="json")


def test_another_profile_in_the_form_is_that_profile_as_a_whole(server: Server) -> None:
    key, form = server.form("retrain/nightly")
    form["config"]["profile"] = "smoke"
    ran = server.ran(key, form)
    assert ran == load_config("smoke").model_dump(mode="json")
    assert ran["model"] == {
        "base": "tiny-random", "start": "base", "registered_name": "steadycode-smoke",
    }  # fmt: skip


def test_a_changed_field_is_exactly_an_override(server: Server) -> None:
    key, form = server.form("retrain/nightly")
    form["config"]["overrides"] = ["train.steps=80", "gate=gate-text"]
    expected = load_config("quick", ["train.steps=80", "gate=gate-text"])
    assert server.ran(key, form) == expected.model_dump(mode="json")


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"profile": "quikc"}, "'quikc' is not one of ['codegen-350m', 'gpt2-wikitext', 'quick'"),
        ({"overrides": "train.steps=3"}, "'train.steps=3' is not of type 'array'"),
        ({"train": {"steps": 3}}, "'train' was unexpected"),
    ],
)
def test_what_the_form_does_not_offer_makes_no_run(
    server: Server, config: dict[str, Any], reason: str
) -> None:
    key, form = server.form("retrain/nightly")
    form["config"] |= config
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.ask(f"deployments/{key}/create_flow_run", {"parameters": form})
    assert refused.value.code == 409
    assert reason in refused.value.read().decode()


def test_a_deployments_page_shows_every_setting_that_it_runs(server: Server) -> None:
    shown = server.ask("deployments/name/retrain/nightly")["description"]
    assert shown.startswith("Retrain with the quick profile and decide on promotion.\n")
    for line in ("token_weight: 0.1", "max_problems: 50", "- doc2comments", "batch_tokens: null"):
        assert line in shown
