#!/usr/bin/env python3
"""Compare many cases at once: what the player wrote with what is expected.

    compare_all.py EXPECTED_DIR ACTUAL_DIR < NAMES

NAMES holds one case a line. compare.py decides about each, in this one process, because starting Python takes longer than comparing.
A case without a file in ACTUAL_DIR has failed in the player; the end of its log is shown.

Prints the differences of the first cases that do not agree, the names of the others, and how many agree. Exit status 0 when all do.
"""
import contextlib
import io
import pathlib
import sys

sys.dont_write_bytecode = True
import compare  # noqa: E402  (only now: importing it must leave nothing in the source tree)

SHOWN_CASES = 5
SHOWN_LINES = 12


def differences(expected, actual):
    """The lines in which compare.py says what differs; none if the files agree."""
    if not actual.exists():
        log = actual.with_suffix(".log")
        said = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        return ["the player wrote no records", *said]
    sys.argv = ["compare.py", str(expected), str(actual)]
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output):
            status = compare.main()
    except Exception as error:  # a line that is not JSON, a value of no known shape: one bad case must not hide the others
        return [f"compare.py gave up: {type(error).__name__}: {error}"]
    return output.getvalue().splitlines() if status else []


def main() -> int:
    expected, actual = (pathlib.Path(argument) for argument in sys.argv[1:3])
    names = sys.stdin.read().split()
    differ = {}
    for name in names:
        file = f"{name}.jsonl"
        if found := differences(expected / file, actual / file):
            differ[name] = found
    for number, (name, found) in enumerate(differ.items()):
        if number < SHOWN_CASES:
            print("\n    ".join([f"{name}:", *found[:SHOWN_LINES]]))
    if more := list(differ)[SHOWN_CASES:]:
        print("also:", " ".join(more))
    print(f"{len(names) - len(differ)} of {len(names)} cases agree")
    # A run that compares nothing has shown nothing.
    return 1 if differ or not names else 0


if __name__ == "__main__":
    sys.exit(main())
