"""
`make mutants`: takes one guard out of a copy of the code at a time and looks whether a test notices.

One line for each, at last `mutants: N caught, N survived`. Exit code 1 where one survived, could not be made, or its
tests could not be run.

    make mutants ONLY=claim        those whose names hold this word
"""

import argparse
import sys
import time
from collections.abc import Sequence

from tests.mutants.mutation import Mutation, NotApplicable
from tests.mutants.mutations import MUTATIONS
from tests.mutants.workshop import NotRun, Verdict, Workshop, workshop


def main() -> int:
    """Run the chosen mutations; returns the exit code."""
    parser = argparse.ArgumentParser(prog="mutants", description="Take guards out and see whether a test notices.")
    parser.add_argument("only", nargs="*", help="parts of the names of the mutations to run; all where none is given")
    only = parser.parse_args().only
    chosen = [one for one in MUTATIONS if not only or any(word in one.name for word in only)]
    if not chosen:
        print(f"mutants: none is named like {', '.join(only)}")
        return 1
    with workshop() as bench:
        if not _tests_pass_without(chosen, bench):
            return 1
        return _judge_all(chosen, bench)


def _tests_pass_without(chosen: Sequence[Mutation], bench: Workshop) -> bool:
    """A test that fails anyway would catch everything."""
    tests = list(dict.fromkeys(test for one in chosen for test in one.tests))
    began = time.monotonic()
    try:
        verdict = bench.run(tests, servers=any(one.servers for one in chosen))
    except NotRun as trouble:
        verdict = Verdict("not run", str(trouble))
    if verdict.failed:
        print(f"mutants: the tests fail without any mutation: {verdict.failed}: {verdict.why}")
        return False
    print(f"{'(nothing taken out)':<26} all pass ({time.monotonic() - began:.0f} s)", flush=True)
    return True


def _judge_all(chosen: Sequence[Mutation], bench: Workshop) -> int:
    caught = survived = broken = 0
    for mutation in chosen:
        began = time.monotonic()
        try:
            failed = bench.judge(mutation).failed
        except (NotApplicable, NotRun) as trouble:
            broken += 1
            told = f"NOT MADE: {trouble}"
        else:
            caught, survived = (caught + 1, survived) if failed else (caught, survived + 1)
            told = f"caught by {failed}" if failed else f"SURVIVED: {mutation.takes_out}"
        print(f"{mutation.name:<26} {told} ({time.monotonic() - began:.0f} s)", flush=True)
    if broken:
        print(f"mutants: {broken} could not be made or tested")
    print(f"mutants: {caught} caught, {survived} survived")
    return 1 if survived or broken else 0


if __name__ == "__main__":
    sys.exit(main())
