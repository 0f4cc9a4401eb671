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
from collections.abc import Iterator, Mapping, Sequence
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
for key in sys.argv[1:]:
    run, flow = load_flow_and_flow_run(UUID(key))
    run_flow(flow, flow_run=run, return_type="state")
"""
"""What a worker's process does, with a retraining that only tells its configuration."""
SUBMITTED: dict[str, tuple[str, dict[str, Any]]] = {
    "untouched": ("retrain/nightly", {}),
    "untouched, of another profile": ("retrain/weekly-gpu", {}),
    "another profile chosen": ("retrain/nightly", {"profile": "smoke"}),
    "changed": ("retrain/nightly", {"overrides": ["train.steps=80", "gate=gate-text"]}),
}
"""Deployment, and the fields of its form that are touched."""


@dataclass(frozen=True)
class Server:
    project: Project
    api: str
    environment: Mapping[str, str]

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """An answer of the API, asked again while the server is busy.

        Raises HTTPError when it refuses.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.api}/{path}", data)
        request.add_header("Content-Type", "application/json")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code != 503 or time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def form(self, deployment: str) -> tuple[str, dict[str, Any]]:
        """The deployment's id, and what its page would post back when no field was touched."""
        row = self.ask(f"deployments/name/{deployment}")
        schema = row["parameter_openapi_schema"]
        return row["id"], filled(schema, schema, row["parameters"])

    def submit(self, deployment: str, touched: Mapping[str, Any]) -> str:
        """The id of the flow run that a submission makes. Raises HTTPError when it is refused."""
        key, form = self.form(deployment)
        form["config"] |= touched
        run = self.ask(f"deployments/{key}/create_flow_run", {"parameters": form})
        return str(run["id"])

    def configurations(self, runs: Sequence[str]) -> list[dict[str, Any]]:
        """What each flow run runs with."""
        done = subprocess.run(
            [sys.executable, "-c", RUN, *runs], env=self.environment, cwd=self.project.root,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        lines = done.stdout.splitlines()
        told = [line.removeprefix("CONFIG ") for line in lines if line.startswith("CONFIG ")]
        assert len(told) == len(runs), done.stdout[-2000:] + done.stderr[-3000:]
        return [json.loads(line) for line in told]


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


@pytest.fixture(scope="module")
def ran(server: Server) -> dict[str, dict[str, Any]]:
    """The configuration that ran, of each in SUBMITTED."""
    runs = [server.submit(deployment, touched) for deployment, touched in SUBMITTED.values()]
    return dict(zip(SUBMITTED, server.configurations(runs), strict=True))


def test_an_untouched_form_shows_and_runs_exactly_the_profile(
    server: Server, ran: dict[str, dict[str, Any]]
) -> None:
    _, form = server.form("retrain/nightly")
    assert form == {"config": {"profile": "quick", "overrides": []}, "allow_dirty_data": False}
    assert ran["untouched"] == load_config("quick").model_dump(mode="json")
    other = ran["untouched, of another profile"]
    assert other == load_config("smollm2-135m").model_dump(mode="json")


def test_another_profile_in_the_form_is_that_profile_as_a_whole(
    ran: dict[str, dict[str, Any]],
) -> None:
    smoke = ran["another profile chosen"]
    assert smoke == load_config("smoke").model_dump(mode="json")
    assert smoke["model"]["base"] == "tiny-random"
    assert smoke["model"]["registered_name"] == "steadycode-smoke"


def test_a_changed_field_is_exactly_an_override(ran: dict[str, dict[str, Any]]) -> None:
    expected = load_config("quick", ["train.steps=80", "gate=gate-text"])
    assert ran["changed"] == expected.model_dump(mode="json")


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"profile": "quikc"}, "'quikc' is not one of ['codegen-350m', 'gpt2-wikitext', 'quick'"),
        ({"overrides": "train.steps=3"}, "'train.steps=3' is not of type 'array'"),
        ({"train": {"steps": 3}}, "'train' was unexpected"),
        ({"overrides": ["train.stepz=3"]}, "'train.stepz=3' does not match"),
        ({"overrides": ["train.steps"]}, "'train.steps' does not match"),
        ({"overrides": ["train.steps=3", "gate=gaet"]}, "'gate=gaet' does not match"),
        ({"overrides": ["train.mode=boht"]}, "'train.mode=boht' does not match"),
        ({"overrides": ["model.base=smollm"]}, "'model.base=smollm' does not match"),
        (
            {"overrides": ["evaluate.perturbations=[all, DeadCodeInsertre]"]},
            "DeadCodeInsertre]' does not match",
        ),
    ],
)
def test_what_the_form_does_not_offer_makes_no_run(
    server: Server, config: dict[str, Any], reason: str
) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.submit("retrain/nightly", config)
    assert refused.value.code == 409
    assert reason in refused.value.read().decode()


def test_a_deployments_page_shows_every_setting_that_it_runs(server: Server) -> None:
    shown = server.ask("deployments/name/retrain/nightly")["description"]
    assert shown.startswith("Retrain with the quick profile and decide on promotion.\n")
    for line in ("token_weight: 0.1", "max_problems: 50", "- doc2comments", "batch_tokens: null"):
        assert line in shown
