"""Templates of every HTML page we make. Autoescape is on: model output and data are untrusted."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template_name: str, **context: Any) -> str:
    """The page that ``pages/<template_name>`` makes of ``context``. A missing name is an error."""
    return _environment().get_template(template_name).render(**context)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
