"""What `steadycode up` refuses before it starts anything."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from steadycode.errors import ConfigError
from steadycode.files import write_json
from steadycode.operations import deploying, services, team
from steadycode.operations.services import MLFLOW_PORT, PREFECT_PORT, Services
from steadycode.processes import ProcessId, project_processes
from steadycode.project import Project
from steadycode.registry.store import Store

GOOD = """\
deployments:
  - name: nightly
    entrypoint: 'flows/retrain.py:retrain'
    parameters: {config: {profile: smoke, overrides: []}}
"""


@pytest.fixture
def deployable(
    project: Project, store: Store, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> Project:
    shutil.copytree(repository / "configs", project.configs, dirs_exist_ok=True)
    monkeypatch.setenv("STEADYCODE_HOME", str(project.root))
    (project.root / "flows").mkdir()
    (project.root / "flows" / "retrain.py").touch()
    (project.root / "prefect.yaml").write_text(GOOD)
    return project


def nothing_runs(project: Project) -> bool:
    return not list(project_processes(project.root))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("deployments: [", "is not YAML"),
        (
            "deployments:\n  - {entrypoint: 'flows/retrain.py:retrain'}\n",
            "deployment 1 has no name",
        ),
        ("deployments:\n  - nightly\n", "deployment 1 has no name"),
        (GOOD.replace("retrain.py", "gone.py"), "deployment nightly: entrypoint 'flows/gone"),
        (
            GOOD.replace(":retrain'", "'"),
            "deployment nightly: entrypoint 'flows/retrain.py' is not",
        ),
        (GOOD.replace("config:", "confg:"), "deployment nightly: parameters need config: {profile"),
        (GOOD.replace("smoke", "smoek"), "deployment nightly: no profile 'smoek'"),
        (GOOD.replace("[]", "[gate=gaet]"), "deployment nightly: no promotion policy"),
        (
            GOOD.replace("[]", '["evaluate.perturbations=[]"]'),
            "gate.yaml asks for robustness/natural, but",
        ),
        (
            GOOD.replace("overrides: []", "train: {steps: 3}"),
            "deployment nightly: config.train: there is no such key",
        ),
        (
            GOOD + "    schedules: [{cron: '0 3 * * *', parameters: {config: {profile: x}}}]\n",
            "deployment nightly: no profile 'x'",
        ),
    ],
)
def test_a_faulty_prefect_yaml_is_named(deployable: Project, content: str, message: str) -> None:
    (deployable.root / "prefect.yaml").write_text(content)
    with pytest.raises(ConfigError, match=re.escape(message)):
        team.up(deployable, None, None, None)
    assert nothing_runs(deployable)


def test_a_sound_prefect_yaml_is_taken(deployable: Project, repository: object) -> None:
    deploying.require_deployable(deployable)
    deploying.require_deployable(Project(repository))  # type: ignore[arg-type]


def test_ports_that_are_taken_or_equal_are_named(deployable: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"{port} is not free; name another with --mlflow"):
            team.up(deployable, port + 1, port, None)
        with pytest.raises(ConfigError, match=f"{port} is not free; name another with --prefect"):
            team.up(deployable, port, port + 1, None)
    with pytest.raises(ConfigError, match=f"both were given port {port}"):
        team.up(deployable, port, port, None)
    assert nothing_runs(deployable)


def test_another_server_that_is_named_is_not_started_beside(
    deployable: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    with pytest.raises(ConfigError, match="PREFECT_API_URL names the server"):
        team.up(deployable, None, None, None)


def test_a_service_keeps_its_port_and_a_dead_one_its_last() -> None:
    mine = ProcessId.mine()
    running = Services(prefect_port=7, mlflow_port=8, processes={services.SERVER: mine})
    assert team._to_start(None, None, None) == Services(
        prefect_port=PREFECT_PORT, mlflow_port=MLFLOW_PORT
    )
    assert team._to_start(running, None, None) == running
    assert team._to_start(running, 7, 9).mlflow_port == 9
    with pytest.raises(ConfigError, match="prefect runs on port 7; `steadycode down` first"):
        team._to_start(running, 9, None)


def test_down_stops_services_whose_record_is_lost(deployable: Project) -> None:
    environment = {
        **os.environ, "STEADYCODE_HOME": str(deployable.root), "STEADYCODE_SERVICE": "prefect",
    }  # fmt: skip
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env=environment)
    try:
        deadline = time.monotonic() + 20
        while not services.survivors(deployable) and time.monotonic() < deadline:
            time.sleep(0.05)
        with pytest.raises(ConfigError, match="record is lost or damaged; `steadycode down`"):
            team.up(deployable, None, None, None)
        team.down(deployable)
        assert left.wait(timeout=5) is not None
        assert nothing_runs(deployable)
        team.down(deployable)  # again: nothing is up
    finally:
        left.kill()


def test_down_leaves_a_command_that_uses_the_server(
    deployable: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"schema": 1, "root": str(deployable.root), "prefect_port": 1, "mlflow_port": 2,
           "processes": {"prefect": str(ProcessId.mine())}}  # fmt: skip
    write_json(deployable.work / "services.json", row)
    script = deployable.root / "steadycode"
    script.write_text("import time; time.sleep(60)")
    command = subprocess.Popen(
        [sys.executable, str(script), "retrain", "--profile"], cwd=deployable.root,
        env={k: v for k, v in os.environ.items() if k != "STEADYCODE_HOME"},
    )  # fmt: skip
    try:
        with pytest.raises(ConfigError, match=r"`steadycode retrain --profile …` \(process"):
            team.down(deployable)
        assert psutil.Process(command.pid).is_running()
    finally:
        command.kill()
        command.wait()


def test_a_worker_needs_a_server_that_answers(
    deployable: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "")
    with pytest.raises(ConfigError, match="no Prefect server is up here; name one"):
        team.work_for(deployable, "gpu")
    from prefect.settings import PREFECT_API_URL, temporary_settings

    nobody = "http://127.0.0.1:1/api"
    monkeypatch.setenv("PREFECT_API_URL", nobody)
    with (
        temporary_settings({PREFECT_API_URL: nobody}),  # an earlier test may have read others
        pytest.raises(ConfigError, match=f"no Prefect server answers at {nobody}"),
    ):
        team.work_for(deployable, "local-process")


def test_a_machine_without_a_gpu_takes_no_runs_of_the_pool_gpu(
    deployable: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    monkeypatch.setattr("steadycode.models.pick_device", lambda: "cpu")
    with pytest.raises(ConfigError, match="this machine has no GPU"):
        team.work_for(deployable, "gpu")
