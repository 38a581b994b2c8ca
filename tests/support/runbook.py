"""docs/runbook.md as tests play it: its blocks are typed as they are printed, with the words in capitals filled in."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

from devstack.stack import Stack
from devstack.state import root_of_checkout

PAGE = root_of_checkout() / "docs" / "runbook.md"

FILLED_IN = ("CHANNEL_ID", "WORKSPACE", "MESSAGE_ID", "EVENT_ID", "PHONE", "QUEUE", "REASON")
"""The words in capitals, as the page's second paragraph lists them."""

BLOCK_SECONDS = 100

_FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_WORD = re.compile(rf"(?<![A-Z_$])({'|'.join(FILLED_IN)})(?![A-Z_])")


@dataclass(frozen=True)
class Procedure:
    """`commands` are its `sh` blocks, in order; `elsewhere` its `console` blocks, which need more than a stack."""

    title: str
    commands: tuple[str, ...]
    elsewhere: tuple[str, ...]


def procedures(page: str) -> dict[str, Procedure]:
    """By their headings; "Start here" is one of them."""
    start, procedures = below(page, "Start here"), below(page, "Procedures")
    return {one.title: one for one in [_procedure("Start here", start), *_entries(procedures)]}


def alerts(page: str) -> dict[str, Procedure]:
    """What to look at, by the alert's name."""
    return {one.title: one for one in _entries(below(page, "Alerts"))}


def below(page: str, title: str) -> str:
    """What stands below one of the page's main headings."""
    return page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def _entries(text: str) -> list[Procedure]:
    _, *rest = re.split(r"^### (.+)\n", text, flags=re.MULTILINE)
    return [_procedure(title, below) for title, below in zip(rest[::2], rest[1::2], strict=True)]


def _procedure(title: str, text: str) -> Procedure:
    blocks = [(language, dedent(block)) for _, language, block in _FENCE.findall(text)]
    commands = tuple(block for language, block in blocks if language == "sh")
    return Procedure(title, commands, tuple(block for language, block in blocks if language == "console"))


def filled_in(block: str, words: Mapping[str, str]) -> str:
    """A block with its words in capitals replaced; each of them has to be known."""
    return _WORD.sub(lambda found: words[found[0]], block)


@dataclass
class Night:
    """Somebody plays one procedure on a running stack; `typed` are the numbers of the blocks that they typed."""

    procedure: Procedure
    stack: Stack
    typed: set[int] = field(default_factory=set)

    def types(self, number: int, code: int | None = 0, env: Mapping[str, str] | None = None, **words: str) -> str:
        """Type the procedure's block of this number, from 1, and check how it ends, unless that is None; its output."""
        self.typed.add(number)
        return self._run(filled_in(self.procedure.commands[number - 1], words), code, env or {})

    def runs(self, *arguments: str, code: int) -> str:
        """What proactivectl says besides."""
        return self._run(shlex.join(["proactivectl", *arguments]), code, {})

    def _run(self, block: str, code: int | None, env: Mapping[str, str]) -> str:
        done = subprocess.run(
            ["/bin/sh", "-euc", block],
            env=self._environment() | dict(env),
            cwd=self.stack.state.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BLOCK_SECONDS,
        )
        said = done.stdout + done.stderr
        assert code is None or done.returncode == code, f"exit code {done.returncode}\n{said}"
        return said

    def left_out(self) -> set[int]:
        """The blocks that were not typed."""
        return set(range(1, len(self.procedure.commands) + 1)) - self.typed

    def _environment(self) -> dict[str, str]:
        """With `proactivectl` on the PATH."""
        own = self.stack.env_of("proactivectl")
        return own | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"}
