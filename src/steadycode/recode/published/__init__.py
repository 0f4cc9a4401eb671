"""Style release: the rules of the published benchmark as they are, faults included, so that its
figures can be repeated. Nothing here is used by style sound."""

from steadycode.recode.published import docstring, format, function_name, syntax, words
from steadycode.recode.variant import Plugged, Published

APPLY: dict[str, Published] = (
    docstring.APPLY | function_name.APPLY | words.APPLY | syntax.APPLY | format.APPLY
)
"""Published name -> its rule, on the nominal problem of its group's mode."""

PLUGGED: dict[str, Plugged] = {**words.PLUGGED, **syntax.PLUGGED}
"""Published name -> its rule, where that needs a model."""
