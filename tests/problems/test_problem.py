from steadycode.problems import load_problems, select_problems


def test_subsets_are_stable_nested_and_ordered() -> None:
    problems = load_problems("humaneval")
    ten, forty = (select_problems(problems, count, seed=0) for count in (10, 40))
    assert {p.task_id for p in ten} < {p.task_id for p in forty}
    assert forty == [p for p in problems if p in forty]
    assert select_problems(problems, 10, seed=1) != ten
    assert select_problems(problems, None, seed=0) == problems
    assert select_problems(problems, 1000, seed=0) == problems
