"""What the documentation tells people to type and to open is there."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

import pytest
from typer.main import get_command

from steadycode.commands.app import app
from steadycode.config import load_config

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.M | re.S)
INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)[^)]*\)|<img[^>]*\ssrc=\"([^\"]+)\"")
HEADING = re.compile(r"^#+ +(.+)$", re.M)
ASSIGNMENT = re.compile(r"[A-Z_]+=")


def command_lines(text: str) -> Iterator[list[str]]:
    """Every shell command in code blocks and code spans, as words."""
    blocks = "\n".join(FENCE.findall(text)).replace("\\\n", " ")
    spans = [" ".join(span.split()) for span in INLINE.findall(FENCE.sub("", text))]
    for line in [*blocks.splitlines(), *spans]:
        for part in re.split(r"&&|\|\||[;|]", line.removeprefix("$ ")):
            try:
                words = shlex.split(part, comments=True)
            except ValueError:  # prose or output, with an apostrophe
                continue
            while words and ASSIGNMENT.match(words[0]):
                words.pop(0)
            if words:
                yield [PurePath(words[0]).name, *words[1:]]


def commands(text: str, program: str) -> list[list[str]]:
    return [words[1:] for words in command_lines(text) if words[0] == program and words[1:]]


def links(text: str) -> list[str]:
    """Targets inside the repository: of links and of images."""
    targets = [link or image for link, image in LINK.findall(FENCE.sub("", text))]
    return [target for target in dict.fromkeys(targets) if not re.match(r"\w+:", target)]


def parse(arguments: list[str]) -> tuple[str, dict[str, Any]]:
    """The command and its parameters as the real parser reads them; nothing is run.

    Ends with SystemExit 2 where the command line does.
    """
    found: list[tuple[str, dict[str, Any]]] = []

    def listen(command: Any, path: str) -> None:
        for name, inner in getattr(command, "commands", {}).items():
            listen(inner, f"{path} {name}")
        if not hasattr(command, "commands"):
            command.callback = lambda **given: found.append((path.strip(), given))

    root: Any = get_command(app)
    listen(root, "")
    with pytest.raises(SystemExit) as ended:
        root.main(args=arguments, prog_name="steadycode")
    if ended.value.code:
        raise ended.value
    return found[0] if found else ("", {})  # empty: --help


def leaves(command: Any, path: str = "") -> set[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return {path.strip()}
    return {leaf for name in inner for leaf in leaves(inner[name], f"{path} {name}")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_ones_that_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in commands(page.read_text(), "steadycode"):
        if arguments == ["…"]:
            continue
        try:
            _, given = parse(arguments)
        except SystemExit:
            pytest.fail(
                f"{page.name}: steadycode {shlex.join(arguments)}\n{capsys.readouterr().err}"
            )
        if "profile" in given:
            config = load_config(
                given["profile"], given.get("overrides")
            )  # raises on an unknown key
            assert config.profile == given["profile"]


def test_every_command_is_shown_in_the_readme() -> None:
    shown = {parse(arguments)[0] for arguments in commands(PAGES[0].read_text(), "steadycode")}
    assert leaves(get_command(app)) <= shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_are_ones_that_exist(page: Path) -> None:
    """``--set section.key=value`` in running text, without a command before it."""
    for setting in re.findall(r"--set ([\w.]+=[^\s`]+)", page.read_text()):
        assert load_config("quick", [setting]).profile == "quick"  # raises on an unknown key


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_exist(page: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    targets = set(re.findall(r"^([\w-]+):", makefile, re.M))
    for arguments in commands(page.read_text(), "make"):
        assert {word for word in arguments if "=" not in word} <= targets, arguments


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_images_lead_somewhere(page: Path) -> None:
    dead = []
    for target in links(page.read_text()):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        inside = file.is_relative_to(REPOSITORY)
        if not (inside and file.exists() and (not anchor or anchor in anchors(file))):
            dead.append(target)
    assert not dead, f"{page.name} leads to {', '.join(dead)}"


def anchors(file: Path) -> set[str]:
    """As GitHub makes them from headings."""
    headings = HEADING.findall(FENCE.sub("", file.read_text()))
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


PAGE = """
# A *page* of ours
Run `steadycode ui
--run …` or `make x`, [`code`](a.md), [out](https://example.org) and ![image](b.png "title").
```sh
$ A=1 .venv/bin/steadycode retrain --profile quick \\
    --set train.steps=1  # [no](link.md)
cd x && steadycode data build
```
"""


def test_this_test_reads_pages() -> None:
    assert commands(PAGE, "steadycode") == [
        ["retrain", "--profile", "quick", "--set", "train.steps=1"],
        ["data", "build"],
        ["ui", "--run", "…"],
    ]
    assert commands(PAGE, "make") == [["x"]]
    assert sorted(links(PAGE)) == ["a.md", "b.png"]


@pytest.mark.parametrize(
    "wrong",
    [
        ["retrian"],
        ["retrain", "--profil", "x"],
        ["evaluate", "--modl", "x"],
        ["ui", "--port", "x"],
        ["data", "x"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_this_test_finds_faults(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        parse(wrong)
    assert parse(["evaluate", "--model", "x"])[0] == "evaluate"
