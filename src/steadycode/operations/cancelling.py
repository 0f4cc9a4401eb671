"""Ends a flow that a person started by hand when somebody cancels it on Prefect's page.

A worker ends the flows that it has started; nobody does so for a command, whose flow run would be
Cancelling for ever while its training goes on.
"""

import _thread
import os
import threading
import time
from uuid import UUID

from steadycode.errors import ConfigError
from steadycode.operations.schedule import prefect_client

_SECONDS = 3.0
_PATIENCE = 60.0


def watch_for_cancellation(flow_run: str) -> None:
    """Interrupt this process, as Ctrl-C does, once ``flow_run`` is cancelled; its stage ends with
    it. Does nothing in a process that a worker has started, nor beside an embedded server, which
    has no page."""
    if "PREFECT_API_URL" in os.environ and "PREFECT__FLOW_RUN_ID" not in os.environ:
        threading.Thread(target=_watch, args=(UUID(flow_run),), daemon=True).start()


def _watch(flow_run: UUID) -> None:
    while True:
        time.sleep(_SECONDS)
        state = _state(flow_run)
        if state in ("CANCELLING", "CANCELLED"):
            # the process waits for that one at its end, as it does not for this one
            threading.Thread(target=_settle, args=(flow_run,), daemon=False).start()
            _thread.interrupt_main()
            return


def _settle(flow_run: UUID) -> None:
    """Call the run cancelled: Prefect has it crash when its process is interrupted."""
    from prefect.client.schemas.objects import State
    from prefect.states import Cancelled

    deadline = time.monotonic() + _PATIENCE
    while _state(flow_run) in ("RUNNING", "CANCELLING") and time.monotonic() < deadline:
        time.sleep(0.5)
    if _state(flow_run) == "CRASHED":
        with prefect_client() as client:
            told: State[None] = Cancelled(message="cancelled while a command ran it")
            client.set_flow_run_state(flow_run, told, force=True)


def _state(flow_run: UUID) -> str:
    """The type of the run's state; empty when the server does not tell, say at its end."""
    from httpx import HTTPError

    try:
        with prefect_client() as client:
            state = client.read_flow_run(flow_run).state
            return state.type.value if state is not None else ""
    except (HTTPError, ConfigError, RuntimeError, OSError):
        return ""
