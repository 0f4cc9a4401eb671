"""Refuses a build that comes to far fewer rows than are recorded, as by a source that is empty."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from steadycode.corpus.built import BuildResult
from steadycode.corpus.left_out import most
from steadycode.corpus.recipe import Recipe
from steadycode.errors import DataError
from steadycode.json_lines import decoded, json_object, raw_lines


def rows_by_source(files: Iterable[Path]) -> dict[str, int]:
    """Source -> rows, counted in the split files; a line that names none counts for ""."""
    counts: Counter[str] = Counter()
    for file in files:
        if file.is_file():
            counts.update(_source(line, place) for place, line in raw_lines(file))
    return dict(counts)


def require_rows(recipe: Recipe, before: Mapping[str, int], built: BuildResult) -> None:
    """Raises DataError, with the numbers, when the build has less than the recipe's ``min_share``
    of the rows ``before``, be it in all or of one source that the recipe still names."""
    rows = {source: built.rows_of(source) for source in built.origins}
    counts = [("in all", sum(rows.values()), sum(before.values()))]
    if len(rows) > 1:
        counts += [(f"of {source}", now, before.get(source, 0)) for source, now in rows.items()]
    fallen = [
        f"{now:,} rows {what} where {earlier:,} are recorded"
        for what, now, earlier in counts
        if now < recipe.min_share * earlier
    ]
    if not fallen:
        return
    more = f", and {len(fallen) - 3} more" if len(fallen) > 3 else ""
    raise DataError(
        f"the recipe gives {', '.join(fallen[:3])}{more}: less than the share {recipe.min_share:g} "
        "(min_share in configs/corpus.yaml), so data/ and data.dvc were left alone; mend the "
        "source, or accept it with `steadycode data build --force --accept-fewer-rows` and "
        f"`dvc add data`{most(built.left_out)}"
    )


def _source(line: bytes, place: str) -> str:
    try:
        return str(json_object(decoded(line, place), place).get("package", ""))
    except DataError:
        return ""
