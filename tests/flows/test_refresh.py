"""flows/refresh.py as Prefect's worker and the command line find it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOADED = """
from prefect.flows import load_flow_from_entrypoint
flow = load_flow_from_entrypoint("flows/refresh.py:refresh", use_placeholder_flow=False)
print(flow.name, *flow.parameters.properties)
"""
IMPORTED = """
import sys
sys.path.insert(0, ".")
from flows.refresh import refresh as flow
print(flow.name, *flow.parameters.properties)
"""


@pytest.mark.parametrize("script", [LOADED, IMPORTED])
def test_it_loads(script: str, repository: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path), "PREFECT_LOGGING_LEVEL": "ERROR"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],  # -P: without the folder on sys.path of its own
        cwd=repository, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "refresh config branch deployment retrain\n", done.stderr[-3000:]
