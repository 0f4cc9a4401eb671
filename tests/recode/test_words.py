import ast
import dataclasses
import gzip
import json
import re
from importlib.resources import files
from pathlib import Path
from random import Random

import pytest

from steadycode.errors import DataError
from steadycode.problems import Problem, load_problems
from steadycode.recode import perturb
from steadycode.recode.language import wordnet
from steadycode.recode.language.build import build
from steadycode.recode.language.synonyms import matches
from steadycode.recode.language.tagger import tag
from steadycode.recode.perturbations.english import inflect, tagged
from steadycode.recode.replay import replay_names, replay_translation
from steadycode.recode.variant import Context, Plugins

DOCSTRING_RULES = (
    "EnglishInflectionalVariation",
    "SynonymInsertion",
    "SynonymSubstitution",
    "TenseTransformationPast",
    "TenseTransformationFuture",
)


def problem(docstring: str, name: str = "solve") -> Problem:
    return Problem(
        task_id="Toy/0",
        prompt=f'def {name}(xs):\n    """{docstring}\n    """\n',
        entry_point=name,
        canonical_solution="    return xs\n",
        test="def check(candidate):\n    assert candidate(1) == 1\n",
    )


def prose(name: str, docstring: str) -> str:
    prompt = perturb(problem(docstring), name).prompt
    return prompt.split('"""')[1].removesuffix("\n    ")


def tags(sentence: str) -> str:
    return " ".join(tag(re.findall(r"\w+|[^\w\s]", sentence)))


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Return the list", "VB DT NN"),
        ("Write a function to check it", "VB DT NN TO VB PRP"),
        ("Check if the list contains numbers", "VB IN DT NN VBZ NNS"),
        ("Sum of the given numbers", "NN IN DT JJ NNS"),
        ("It returns a sorted list", "PRP VBZ DT VBN NN"),
        ("You should return lists", "PRP MD VB NNS"),
        ("Given a list, find the sum", "JJ DT NN . VB DT NN"),
        ("It does not have elements", "PRP VBZ RB VB NNS"),
    ],
)
def test_tags(sentence: str, expected: str) -> None:
    assert tags(sentence) == expected


PAST = [
    ("Return the list that is sorted.", "Returned the list that was sorted."),
    ("Write a function to find it.", "Wrote a function to find it."),
    ("You should return the list.", "You should return the list."),
    ("Given a list, return its sum.", "Given a list, returned its sum."),
    ("It does not have zeros.", "It did not have zeros."),
    ("You need to sort the list and return it.", "You needed to sort the list and return it."),
]
FUTURE = [
    ("Return the list that is sorted.", "Will return the list that will be sorted."),
    ("It takes a list and returns the sum.", "It will take a list and return the sum."),
    ("The list is not empty.", "The list will not be empty."),
    ("It does not have zeros.", "It will not have zeros."),
    ("Please write a function.", "Please write a function."),
]


@pytest.mark.parametrize(("before", "after"), PAST)
def test_past(before: str, after: str) -> None:
    assert prose("TenseTransformationPast", before) == after


@pytest.mark.parametrize(("before", "after"), FUTURE)
def test_future(before: str, after: str) -> None:
    assert prose("TenseTransformationFuture", before) == after


def found(text: str) -> list[tuple[str, list[str]]]:
    return [(" ".join(m.phrase), [" ".join(o) for o in m.others]) for m in matches(text.split())]


def test_synonyms_have_the_form_of_the_word() -> None:
    assert found("elements calculated removing") == [
        ("elements", ["items"]),
        ("calculated", ["computed", "worked out"]),
        ("removing", ["deleting", "taking out"]),
    ]
    assert found("an empty string of floating digits") == []  # terms of art


def test_the_longest_phrase_goes_first() -> None:
    assert found("it consists of the given elements") == [
        ("consists of", ["is made up of", "is composed of"]),
        ("the given", ["the provided", "the supplied", "the specified"]),
        ("elements", ["items"]),
    ]
    assert found("it has maximum two levels , the largest maximum occurring in it") == [
        ("the largest", ["the biggest", "the greatest"])
    ]
    assert found("heap sort a") == []  # not "to sort a": a phrase without others guards its words


def test_a_phrase_is_reworded_alike_wherever_it_stands() -> None:
    text = "Append an element, then remove an element."
    prompts = {perturb(problem(text), "SynonymSubstitution", seed).prompt for seed in range(40)}
    assert {prompt.split('"""')[1].strip() for prompt in prompts} == {
        f"{append} {element}, then {remove} {element}."
        for append in ("Append", "Add")
        for remove in ("remove", "delete", "take out")
        for element in ("an element", "an item")
    } - {text}


def test_no_synonym_repeats_a_word_or_a_name() -> None:
    for text in ("Put each element and item.", "Put each element of {item}."):
        before = problem(text.format(item="item"))
        code = "    for item in xs:\n        pass\n"
        named = dataclasses.replace(before, canonical_solution=code)
        for seed in range(10):
            prompt = perturb(named, "SynonymSubstitution", seed).prompt
            assert prompt.count("item") == before.prompt.count("item")


def test_insertion_only_inserts() -> None:
    text = "Check if the function removes an element."
    after = prose("SynonymInsertion", text)
    assert after != text
    assert re.sub(r" \([a-z ]+\)", "", after) == text


def test_substitution_mends_the_article() -> None:
    prompts = {
        perturb(problem("Denote a value, and an integer."), "SynonymSubstitution", seed).prompt
        for seed in range(20)
    }
    assert any("Stand for a value" in prompt for prompt in prompts)
    assert any("an int." in prompt for prompt in prompts)
    articles = {
        perturb(problem("Use a given list."), "SynonymSubstitution", 0).prompt,
        perturb(problem("It is an entire list, or an array."), "SynonymSubstitution").prompt,
    }
    assert any("a whole list, or an array" in prompt for prompt in articles)
    assert not any(re.search(r"\b(a [aeiou]|an [^aeiou])", prompt) for prompt in prompts)


def inflected(text: str) -> set[str]:
    before = problem(text)
    after = {inflect(before, Context(random=Random(seed))).prompt for seed in range(20)}
    return {prompt.split('"""')[1].removesuffix("\n    ") for prompt in after}


def test_inflection_is_a_slip_of_agreement() -> None:
    assert inflected("Return all larger Elements.") == {
        "Returns all larger Elements.", "Return all larger Element.",
    }  # fmt: skip
    assert inflected("It takes the maximum and the values.") == {  # the numbers matter here
        "It take the maximum and the values."
    }
    # at most one in a sentence
    assert inflected("Each value counts. Each value counts.") <= {
        f"Each {a} {b}. Each {c} {d}."
        for a, b in (("value", "counts"), ("values", "counts"), ("value", "count"))
        for c, d in (("value", "counts"), ("values", "counts"), ("value", "count"))
    }


@pytest.mark.parametrize("name", DOCSTRING_RULES)
def test_only_prose_changes(problems: list[Problem], name: str) -> None:
    variants = [perturb(each, name) for each in problems[::4]]
    assert sum(variant.changed for variant in variants) > 35
    for each, variant in zip(problems[::4], variants, strict=True):
        assert variant.canonical_solution == each.canonical_solution
        assert not variant.changed or any(word.free for word in tagged(each))
        assert [line for line in each.prompt.splitlines() if ">>>" in line] == [
            line for line in variant.prompt.splitlines() if ">>>" in line
        ]
        assert variant.prompt.count("\n") == each.prompt.count("\n")
        ast.parse(variant.prompt + variant.canonical_solution)


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        ("FuncRenameInflectionalVariation", {"removed_elements", "removing_element"}),
        ("FuncRenameSynonymSub", {"remove_items", "delete_elements", "drop_elems"}),
    ],
)
def test_words_of_a_name(rule: str, names: set[str]) -> None:
    before = problem("Return it.", name="remove_elements")
    variants = [perturb(before, rule, seed) for seed in range(20)]
    assert names <= {variant.entry_point for variant in variants}
    for variant in variants:
        ast.parse(variant.prompt + variant.canonical_solution)


def test_translation_is_filled_into_the_lines() -> None:
    text = "Return the list\n    in order.\n\n    >>> solve([1])\n    [1]"
    plugins = Plugins(translate=lambda problem, text: text.upper() + " Really.")
    prompt = perturb(problem(text), "BackTranslation", plugins=plugins).prompt
    assert prompt == problem(text).prompt.replace(
        "Return the list\n    in order.", "RETURN THE LIST\n    IN ORDER.\n    Really."
    )


def test_translation_that_breaks_the_string_is_not_taken() -> None:
    plugins = Plugins(translate=lambda problem, text: 'He said """no"""')
    before = problem("Return the list.")
    assert perturb(before, "BackTranslation", plugins=plugins).prompt == before.prompt


def test_wordnet_senses_and_base_forms() -> None:
    assert wordnet.heads("elements", "n")[:3] == ["component", "component", "chemical_element"]
    assert wordnet.lemmas("given", "v") == ["give"]
    assert wordnet.lemmas("men", "n") == ["men", "man"]
    assert wordnet.count("find", "v") == 705
    assert wordnet.senses("nosuchword", "n") == ()


def test_build_names_what_is_missing(tmp_path) -> None:
    with pytest.raises(DataError, match=r"does not hold .*index\.noun"):
        build(tmp_path, tmp_path / "out.gz")


def test_build_is_deterministic_and_small(tmp_path) -> None:
    for kind in ("noun", "verb", "adj", "adv"):
        for name in (f"index.{kind}", f"data.{kind}", f"{kind}.exc"):
            (tmp_path / name).write_text("  1 a licence\n")
    (tmp_path / "index.noun").write_text("  1 licence\ncar n 1 1 @ 1 1 00000001  \n")
    (tmp_path / "data.noun").write_text("00000001 06 n 02 auto 0 car 0 000 | a motor vehicle\n")
    (tmp_path / "index.sense").write_text(
        "auto%1:06:00:: 00000001 1 7\ncar%1:06:00:: 00000001 1 9\n"
    )
    (tmp_path / "noun.exc").write_text("oxen ox\n")
    build(tmp_path, tmp_path / "one.gz")
    build(tmp_path, tmp_path / "two.gz")
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()
    text = gzip.decompress((tmp_path / "one.gz").read_bytes()).decode()
    assert text == "n\tcar\t9\tauto|9|auto=7\nn!\toxen\tox\n"
    shipped = files("steadycode.recode.language") / "words.txt.gz"
    assert len(shipped.read_bytes()) < 1_000_000


def test_published_translations_are_replayed(shared: Path) -> None:
    data = shared / "data/recode"
    file = data / "perturbed_finalized/mbpp/full/nlaugmenter/mbpp_BackTranslation_s0.jsonl"
    rows = load_problems(str(file), check_programs=False)
    published = {each.task_id: each.prompt for each in rows}
    plugins = Plugins(translate=replay_translation(file))
    made = {
        each.task_id: perturb(each, "BackTranslation", 0, "release", plugins=plugins).prompt
        for each in load_problems(str(data / "mbpp.jsonl"), check_programs=False)
    }
    assert len(made) == 974
    assert made == published


def test_a_translation_of_something_else_is_one_clear_line(tmp_path: Path) -> None:
    before = problem("Return the list.")
    path = tmp_path / "translations.jsonl"

    def translated(prompt: str, task_id: str = before.task_id) -> str:
        row = dataclasses.replace(before, prompt=prompt, task_id=task_id)
        path.write_text(json.dumps(dataclasses.asdict(row)))
        plugins = Plugins(translate=replay_translation(path))
        return perturb(before, "BackTranslation", 0, "release", plugins=plugins).prompt

    other = before.prompt.replace("the list", "that list")
    assert translated(other) == other
    with pytest.raises(DataError, match=r"translations\.jsonl has no row of Toy/0"):
        translated(other, "Toy/1")
    with pytest.raises(DataError, match=r"Toy/0 is not a translation of the given problem"):
        translated("def solve(ys):\n")
    path.write_text('{"task_id": "Toy/0"}')
    with pytest.raises(DataError, match=r"translations\.jsonl is not a published file .*; restore"):
        replay_names(path)


def test_published_inflection_loses_the_line_breaks() -> None:
    before = problem("Return every\n    value, then stop.\n\n    >>> solve(1)\n    1")
    for seed in range(5):
        prompt = perturb(before, "EnglishInflectionalVariation", seed, "release").prompt
        assert re.search(r'"""Return every \w+, then \w+\.\n\n    >>>', prompt)


def test_published_synonyms_split_the_closing_quotes() -> None:
    before = problem("Return the outcome of it.")
    prompt = perturb(before, "SynonymSubstitution", 0, "release").prompt
    assert '" " "' in prompt
