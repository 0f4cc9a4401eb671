"""Inside the fork: confine this process, then run one program in it and say how it ended.

Imports nothing of steadycode: it is loaded by the worker, which must stay light.
"""

import contextlib
import os
import resource
import sys
from types import ModuleType
from typing import Any, NoReturn

import isolation  # type: ignore[import-not-found]

DETAIL = 200  # characters
_VERDICT_FD = 3

Job = dict[str, Any]


def enter(scratch: str, limits: Job, rules: int | None, verdict_fd: int, output_fd: int) -> None:
    """Turn the fork into a confined process of its own. In the child."""
    os.setsid()
    isolation.die_with_parent()
    os.chdir(scratch)
    os.environ.clear()
    os.environ.update(HOME=scratch, TMPDIR=scratch, PATH="/usr/bin:/bin", LANG="C.UTF-8")
    os.dup2(output_fd, 1)
    os.dup2(output_fd, 2)
    isolation.restrict_writes(rules)
    if verdict_fd != _VERDICT_FD:
        os.dup2(verdict_fd, _VERDICT_FD)
    os.closerange(_VERDICT_FD + 1, 4096)
    whole = -int(-limits["seconds"] // 1)
    bounds = {
        resource.RLIMIT_CPU: (whole, whole + 1),
        resource.RLIMIT_AS: limits["memory_mb"] << 20,
        resource.RLIMIT_FSIZE: limits["files_mb"] << 20,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
    }
    for kind, bound in bounds.items():
        soft, hard = bound if isinstance(bound, tuple) else (bound, bound)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses RLIMIT_AS
            resource.setrlimit(kind, (soft, hard))
    if not isolation.refuse_system_calls() and os.getuid() != 0:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NPROC, (32, 32))


def execute(job: Job, nonce: bytes) -> NoReturn:
    """Run code, then test, then ``check``; say how it ended. In the child.

    All that is called after the code is bound before it: the code may replace builtins. It is
    compiled before, too, and a ``check`` that the code defines is forgotten.
    """
    write, leave, exec_, fd = os.write, os._exit, exec, _VERDICT_FD
    passed, no_memory = nonce + b"passed\n", nonce + b"out_of_memory MemoryError\n"
    test, entry_point = job["test"], job["entry_point"]
    name = "solution" if test else "__main__"
    module = ModuleType(name)
    sys.modules["__main__"] = sys.modules[name] = module
    for ours in ("child", "isolation"):
        sys.modules.pop(ours, None)
    namespace = module.__dict__
    sys.modules["random"].seed(0)
    sys.argv = [name]
    try:
        code = compile(job["code"], "<program>", "exec")
        checks = compile(test, "<test>", "exec")
        exec_(code, namespace)
        if test:
            candidate = namespace[entry_point] if entry_point in namespace else _absent(entry_point)
            namespace.pop("check", None)  # even if that is the entry point's name
            exec_(checks, namespace)
            namespace["check"](candidate)
        write(fd, passed)
    except MemoryError:
        write(fd, no_memory)
    except BaseException as error:
        write(fd, nonce + _explain(error))
    leave(0)


def _absent(entry_point: str | None) -> NoReturn:
    raise NameError(f"the program does not define {entry_point!r}")


def _explain(error: BaseException) -> bytes:
    """``STATUS DETAIL`` as one line."""
    status = "blocked" if isinstance(error, PermissionError) else "failed"
    detail = type(error).__name__
    with contextlib.suppress(BaseException):  # str() is the program's own code
        detail = f"{detail}: {' '.join(str(error).split())}".removesuffix(": ")[:DETAIL]
    return f"{status} {detail}\n".encode("utf-8", "replace")
