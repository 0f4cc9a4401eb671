"""Takes the pictures of Prefect's and MLflow's pages from what `steadycode up` serves here.

    python docs/images/take.py            # in the project, with two finished retrainings

Needs Chromium, which is told what to do by its own debugging protocol (websockets comes with
Prefect).
"""

import asyncio
import base64
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from steadycode.operations import services
from steadycode.project import find_project
from steadycode.registry.listing import recent_runs
from steadycode.registry.store import open_store

PORT = 9333
SIZE = 1440, 900
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
CLOSE_ASSISTANT = """
    const close = [...document.querySelectorAll('button')]
        .filter(b => b.getBoundingClientRect().x > innerWidth - 80
                  && b.getBoundingClientRect().y < 60);
    if (document.body.innerText.includes('MLflow Assistant') && close.length) close.at(-1).click();
"""
SHOW_METRICS = """
    [...document.querySelectorAll('*')]
        .find(e => !e.children.length && e.textContent.trim() === 'Metrics')?.scrollIntoView();
"""


async def main() -> None:
    project = find_project()
    project.prepare_environment()
    running = services.recorded(project)
    if running is None:
        sys.exit("nothing is up; `steadycode up` first")
    store = open_store(project)
    runs = [row for row in recent_runs(store, 50) if row.decision][:2]
    experiment = store.client.get_run(runs[0].run_id).info.experiment_id
    ids = urllib.parse.quote(json.dumps([row.run_id for row in runs]))
    deployment = prefect(running.api, "/deployments/name/retrain/nightly")["id"]
    finished = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}, "sort": "END_TIME_DESC"}
    flow_run = prefect(running.api, "/flow_runs/filter", finished)[0]["id"]
    folder = Path(__file__).parent
    pages = running.mlflow
    with browser():
        for name, address, scripts in (
            ("mlflow-runs", f"{pages}/#/experiments/{experiment}/runs", (CLOSE_ASSISTANT,)),
            (
                "mlflow-comparison",
                f"{pages}/#/compare-runs?runs={ids}&experiments=%5B%22{experiment}%22%5D",
                (CLOSE_ASSISTANT, SHOW_METRICS),
            ),
            ("prefect-run", f"{running.prefect}/runs/flow-run/{flow_run}", ()),
            (
                "prefect-deployment",
                f"{running.prefect}/deployments/deployment/{deployment}/run",
                (),
            ),
        ):
            await take(address, folder / f"{name}.png", scripts)
            print(f"wrote {folder / name}.png")


class browser:
    def __enter__(self) -> None:
        self.profile = tempfile.mkdtemp()
        command = [
            *("chromium", *QUIET, f"--remote-debugging-port={PORT}"),
            *(f"--user-data-dir={self.profile}", f"--window-size={SIZE[0]},{SIZE[1]}"),
        ]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)


async def take(address: str, path: Path, scripts: tuple[str, ...]) -> None:
    async with connect(await page(), max_size=None) as socket:
        numbers = itertools.count(1)

        async def call(method: str, **parameters: Any) -> dict[str, Any]:
            number = next(numbers)
            await socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
            while (answer := json.loads(await socket.recv())).get("id") != number:
                pass
            return dict(answer["result"])

        await call("Emulation.setDeviceMetricsOverride", width=SIZE[0], height=SIZE[1],
                   deviceScaleFactor=1, mobile=False)  # fmt: skip
        await call("Page.navigate", url=address)
        await asyncio.sleep(12)
        for script in scripts:
            await call("Runtime.evaluate", expression=f"(() => {{{script}}})()")
            await asyncio.sleep(3)
        shot = await call("Page.captureScreenshot", format="png")
    path.write_bytes(base64.b64decode(shot["data"]))


async def page() -> str:
    for _ in range(100):
        try:
            request = urllib.request.Request(f"http://127.0.0.1:{PORT}/json/new", method="PUT")
            return str(json.load(urllib.request.urlopen(request))["webSocketDebuggerUrl"])
        except OSError:
            await asyncio.sleep(0.2)
    sys.exit("Chromium does not answer")


def prefect(api: str, path: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{api}{path}", data=data)
    request.add_header("Content-Type", "application/json")
    return json.load(urllib.request.urlopen(request))


if __name__ == "__main__":
    asyncio.run(main())
