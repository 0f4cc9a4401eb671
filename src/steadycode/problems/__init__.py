"""Programming problems and where they come from."""

from steadycode.problems.files import data_files, problem_file
from steadycode.problems.loading import load_problems, locate
from steadycode.problems.problem import Problem, check_problem, parse_problem, select_problems

__all__ = [
    "Problem",
    "check_problem",
    "data_files",
    "load_problems",
    "locate",
    "parse_problem",
    "problem_file",
    "select_problems",
]
