"""Fills the templates of all HTML pages, escaping everything: model output is untrusted."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template_name: str, **context: Any) -> str:
    """The page that the template ``pages/<template_name>`` makes of ``context``. Raises jinja2's
    UndefinedError when the template uses a name that ``context`` lacks."""
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
