"""Data arrives, and a model that was trained on it is registered, with one command."""

import os
import subprocess
import sys
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.slow

LOCK = "configs/corpus.lock.json"
DEPLOY = """
import sys
sys.path.insert(0, ".")
from flows.retrain import retrain
retrain.from_source(".", "flows/retrain.py:retrain").deploy(
    "on-new-data", work_pool_name="local-process", build=False, push=False, print_next_steps=False)
"""
RUNS = """
import json
from prefect import get_client
with get_client(sync_client=True) as client:
    found = client.read_flow_runs()
print(json.dumps([r.parameters["config"]["profile"] for r in found if r.deployment_id]))
"""


def refresh(place: Any, *options: str) -> str:
    done = place.run("refresh", "--profile", "smoke", *options)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return str(done.stdout)


def arrive(place: Any, number: int) -> None:
    lines = "".join(f"    total += value * {number + line}\n" for line in range(8))
    text = f"def weigh_{number}(value: int) -> int:\n    total = 0\n{lines}    return total\n"
    (place.root / "sources" / f"weigh_{number}.py").write_text(text)


def recorded_on(place: Any, branch: str) -> str:
    text = subprocess.run(
        ["git", "show", f"{branch}:data.dvc"],
        cwd=place.root, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return str(yaml.safe_load(text)["outs"][0]["md5"])


def python(place: Any, script: str) -> str:
    """A script with the project's Prefect."""
    environment = {**os.environ, "PREFECT_HOME": str(place.root / ".prefect"),
                   "STEADYCODE_HOME": str(place.root), "PREFECT_LOGGING_LEVEL": "ERROR",
                   "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
                   "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=place.root, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


def test_data_that_arrives_twice_gives_two_versions(workplace: Any) -> None:
    base = recorded_on(workplace, "HEAD")
    assert "unchanged" in refresh(workplace)
    assert not workplace.client().search_registered_models()

    known = [base]
    for number, options in ((1, ()), (2, ("--set", "model.start=champion"))):
        arrive(workplace, number)
        output = refresh(workplace, *options)
        assert "1 rows added, 0 removed" in output
        assert "decision: " in output
        assert recorded_on(workplace, "HEAD") not in known
        known.append(recorded_on(workplace, "HEAD"))

    versions = workplace.registry()["versions"]
    found = {number: tags["data.md5"] for (_, number), (_, _, tags) in versions.items()
             if number > 1}  # fmt: skip
    assert found == {2: known[1], 3: known[2]}
    starts = [run.data.params["model.start"] for run in workplace.attempts()]
    assert starts == ["base", "champion"]

    assert f"unchanged: the recipe gives data {known[2]}" in refresh(workplace)
    assert workplace.registry()["versions"] == versions
    assert len(workplace.attempts()) == 2


def test_a_deployment_retrains_and_a_wrong_name_costs_nothing(new_workplace: Any) -> None:
    place = new_workplace()
    arrive(place, 7)
    before, lock = recorded_on(place, "HEAD"), (place.root / LOCK).read_text()
    for name in ("retrain/none", "nonsense"):
        done = place.run("refresh", "--profile", "smoke", "--deployment", name)
        assert done.returncode == 2
        (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert f"Prefect has no deployment '{name}'" in error
        assert "Traceback" not in done.stdout + done.stderr
    assert (place.root / LOCK).read_text() == lock

    pool = (sys.executable, "-m", "prefect", "work-pool", "create", "local-process")
    python(place, f"import subprocess; subprocess.run({[*pool, '--type', 'process']}, check=True)")
    python(place, DEPLOY)
    options = ("--deployment", "retrain/on-new-data", "--branch", "new-data")
    assert "1 rows added, 0 removed" in refresh(place, *options)
    assert recorded_on(place, "new-data") != recorded_on(place, "HEAD") == before
    assert python(place, RUNS) == '["smoke"]'
    assert "unchanged" in refresh(place, *options)
    assert python(place, RUNS) == '["smoke"]'
