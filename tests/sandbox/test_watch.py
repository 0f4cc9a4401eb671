"""What is heard of a program and its test, in the order in which it was said."""

import os

from steadycode.sandbox.watch import Heard, Pair

LIMITS = {"seconds": 1.0, "memory_mb": 64, "output_kb": 1, "files_mb": 1}


def test_what_a_crash_printed_is_read_though_its_end_is_known_already() -> None:
    heard = Heard(LIMITS)
    verdict, no_verdict = os.pipe()
    output, printing = os.pipe()
    try:
        os.write(printing, b"the last words")
        os.close(no_verdict)  # both are there when the pair is looked at
        Pair(LIMITS, lambda _: "").follow(verdict, output, heard)
    finally:
        for end in (verdict, output, printing):
            os.close(end)
    heard.crashed = True
    assert bytes(heard.output) == b"the last words"
