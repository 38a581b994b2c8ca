"""Every guard that must not go unnoticed; a pattern that is not found any more fails the run."""

from collections.abc import Sequence

from tests.mutants.decisions import DECISIONS
from tests.mutants.mutation import Mutation
from tests.mutants.others import OTHERS
from tests.mutants.protocol import PROTOCOL
from tests.mutants.removing import REMOVING

MUTATIONS: Sequence[Mutation] = (*DECISIONS, *PROTOCOL, *OTHERS, *REMOVING)
