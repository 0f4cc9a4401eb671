"""``steadycode measure``, with the figures that the measures themselves give."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import Result

from steadycode.contraclm.representation import code_search
from steadycode.files import write_jsonl
from steadycode.measures.continuations import continued, perplexity
from steadycode.measures.heldout import measure
from steadycode.measures.textual_similarity import read_pairs, spearman
from steadycode.models import LanguageModel, load
from tests.builders.llama import small_functions
from tests.builders.terminal import cells

Steadycode = Callable[..., Result]
DOCUMENTS = small_functions(6)


@pytest.fixture
def tiny(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LanguageModel:
    """Beside which ``model``, in the current folder, is its folder."""
    monkeypatch.chdir(tmp_path)
    Path("model").symlink_to(tiny_folder)
    write_jsonl(Path("documents.jsonl"), ({"content": text} for text in DOCUMENTS))
    return load(tiny_folder, "float32")


def figures(result: Result) -> dict[str, str]:
    """Of the table that is shown."""
    assert result.exit_code == 0, result.output
    (heading, *rows) = cells(result.output)
    assert heading == ["figure", "value"]
    return dict(rows)  # type: ignore[arg-type]


def test_representation(steadycode: Steadycode, tiny: LanguageModel) -> None:
    result = steadycode(
        *("measure", "representation", "model", "documents.jsonl"),
        *("--max-tokens", 20, "--limit", 3, "--json", "figures.json"),
    )
    heldout = measure(tiny.model, tiny.tokenizer, DOCUMENTS[::2], max_tokens=20)
    expected = {
        "heldout/loss": heldout.loss,
        "heldout/perplexity": heldout.perplexity,
        **{f"representation/{name}": value for name, value in heldout.representation.items()},
    }
    assert figures(result) == {name: f"{value:.4f}" for name, value in expected.items()}
    assert json.loads(Path("figures.json").read_text()) == expected
    assert result.output.startswith("[1/1] measure model\n      done in ")
    assert "model on 3 documents" in map(str.strip, result.output.splitlines())


def test_a_figure_that_there_is_not_is_null(steadycode: Steadycode, tiny: LanguageModel) -> None:
    write_jsonl(Path("one.jsonl"), [{"content": DOCUMENTS[0]}])
    command = ("measure", "representation", "model", "one.jsonl", "--json", "figures.json")
    shown = figures(steadycode(*command))
    assert shown["representation/inter_similarity"] == "nan"
    assert json.loads(Path("figures.json").read_text())["representation/inter_similarity"] is None


@pytest.mark.parametrize("content", ["all of it", "[1]", '{"schema": 1, "name": "mine"}'])
def test_a_file_of_something_else_is_not_replaced(
    steadycode: Steadycode, tiny: LanguageModel, content: str
) -> None:
    Path("mine.json").write_text(content)
    result = steadycode(
        "measure", "representation", "model", "documents.jsonl", "--json", "mine.json"
    )
    assert (result.exit_code, result.stderr) == (
        2,
        "error: mine.json is there and holds no figures; name another file\n",
    )
    assert Path("mine.json").read_text() == content


COMMENTS = ("return values", "import numpy", "12345 67890", "(((())))")


def programs(language: str, sign: str, comments: Sequence[str]) -> Path:
    """Four programs, the same in each language but for what their comments say."""
    path = Path(f"{language}.jsonl")
    codes = [f"x = {n} + {n}  {sign} {text * 9}" for n, text in enumerate(comments)]
    write_jsonl(path, ({"code": c, "label": n, "index": c} for n, c in enumerate(codes)))
    return path


def test_search(steadycode: Steadycode, tiny: LanguageModel) -> None:
    files = {
        "python": programs("python", "#", COMMENTS),
        "java": programs("java", "//", COMMENTS[::-1]),
    }
    named = [f"{language}={path}" for language, path in files.items()]
    result = steadycode("measure", "search", "model", *named, "--json", "maps.json")
    assert result.exit_code == 0, result.output
    assert cells(result.output) == [
        ["queries", "in python", "in java"],
        ["python", "-", "100.00"],
        ["java", "100.00", "-"],
    ]
    assert "model: MAP, %" in map(str.strip, result.output.splitlines())
    assert result.output.endswith("\noverall, the mean of all pairs with a hit: 100.00\n")
    assert json.loads(Path("maps.json").read_text()) == {
        "representation/search_map/python-java": 100.0,
        "representation/search_map/java-python": 100.0,
        "representation/search_map/overall": 100.0,
    }
    kept = steadycode("measure", "search", "model", *named, "--keep-comments", "--max-tokens", 40)
    maps = code_search(tiny.model, tiny.tokenizer, files, max_tokens=40, strip=False)
    assert maps["python", "java"] < 100
    assert cells(kept.output)[1] == ["python", "-", f"{maps['python', 'java']:.2f}"]


def test_sts(steadycode: Steadycode, tiny: LanguageModel) -> None:
    rows = ["sentence1\tsentence2\tscore", "return x\treturn x\t5", "a b\tc d\t1", "x\ty z\t0"]
    Path("sts.tsv").write_text("\n".join(rows) + "\n")
    result = steadycode("measure", "sts", "model", "sts.tsv", "--json", "figures.json")
    value = spearman(tiny.model, tiny.tokenizer, read_pairs(Path("sts.tsv")))
    assert figures(result) == {"representation/sts_spearman": f"{value:.4f}"}
    assert json.loads(Path("figures.json").read_text()) == {"representation/sts_spearman": value}
    assert "model on 3 pairs" in map(str.strip, result.output.splitlines())


def test_text(steadycode: Steadycode, tiny: LanguageModel) -> None:
    lengths = ("--prefix-tokens", 4, "--new-tokens", 6, "--seed", 3)
    result = steadycode(
        "measure", "text", "model", "documents.jsonl", "--scorer", "model", *lengths
    )
    written = continued(
        tiny.model, tiny.tokenizer, DOCUMENTS, prefix_tokens=4, new_tokens=6, seed=3
    )
    expected = {
        f"text/perplexity_{whose}": perplexity(tiny.model, tiny.tokenizer, written.prefixes, tails)
        for whose, tails in (("model", written.model), ("people", written.people))
    }
    assert figures(result) == {name: f"{value:.4f}" for name, value in expected.items()}
    assert f"model, {len(DOCUMENTS)} continuations" in map(str.strip, result.output.splitlines())


def test_text_is_compared_with_peoples(steadycode: Steadycode, tiny: LanguageModel) -> None:
    pytest.importorskip("mauve", reason="the extra text is not installed")
    lengths = ("--prefix-tokens", 4, "--new-tokens", 6)
    command = ("measure", "text", "model", "documents.jsonl", "--features", "model", *lengths)
    shown = figures(steadycode(*command))
    assert list(shown) == ["text/mauve"]
    assert 0 < float(shown["text/mauve"]) <= 1
    assert figures(steadycode(*command)) == shown


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (
            ("search", "model", "python=a", "python=b"),
            "a language is named twice; give each file a language of its own",
        ),
        (
            ("text", "model", "documents.jsonl"),
            "name a model that judges: --scorer for perplexity, --features for MAUVE",
        ),
        (
            ("representation", "model", "none.jsonl"),
            "none.jsonl cannot be read: No such file or directory; restore the file",
        ),
    ],
)
def test_what_cannot_be_measured_is_one_line(
    steadycode: Steadycode, tiny: LanguageModel, arguments: tuple[str, ...], fault: str
) -> None:
    result = steadycode("measure", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: {fault}\n"
