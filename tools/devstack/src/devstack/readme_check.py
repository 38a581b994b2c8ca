"""
Checks that every command in a page's code blocks exists: `python -m devstack.readme_check README.md`.

It knows `make TARGET`, `proactivectl COMMAND …` with its options, and `python -m MODULE`; other commands are not ours.
"""

import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from devstack.state import root_of_checkout

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
LANGUAGES = ("", "sh", "shell", "bash", "console")
ASSIGNMENT = re.compile(r"^\w+=")
HELP_SECONDS = 60


def main(pages: list[str]) -> int:
    """Check these pages; the exit code."""
    problems = [problem for page in pages for problem in check_page(Path(page))]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def check_page(page: Path) -> list[str]:
    """What is wrong with the commands of one page, each with the page's name."""
    if not page.exists():
        return [f"{page}: there is no such page"]
    return [f"{page}: {problem}" for command in commands_of(page.read_text()) if (problem := trouble_with(command))]


def commands_of(text: str) -> list[list[str]]:
    """Every simple command of the page's shell blocks, as words, without prompt, assignments and redirections."""
    found = []
    for language, block in FENCE.findall(text):
        if language not in LANGUAGES:
            continue
        for line in block.replace("\\\n", " ").splitlines():
            found += simple_commands(line.strip().removeprefix("$ "))
    return found


def simple_commands(line: str) -> list[list[str]]:
    """The commands of one line; a line that no shell would read (a drawing, an answer) has none."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return []
    commands: list[list[str]] = [[]]
    for word in words:
        if set(word) <= set(";&|"):
            commands.append([])
        elif commands[-1] or not ASSIGNMENT.match(word):
            commands[-1].append(word)
    return [command for command in commands if command]


def trouble_with(command: list[str]) -> str:
    """Why this command would not work; empty where it would, or is not ours."""
    program, *words = [Path(command[0]).name, *command[1:]]
    shown = " ".join(command)
    if program == "make":
        missing = [word for word in words if "=" not in word and not word.startswith("-") and word not in targets()]
        return f"`{shown}`: the Makefile has no target {', '.join(missing)}" if missing else ""
    if program == "proactivectl":
        return trouble_with_proactivectl(shown, words)
    if program in ("python", "python3") and words[:1] == ["-m"] and len(words) > 1:
        return "" if find_spec(words[1]) else f"`{shown}`: there is no module {words[1]}"
    return ""


def targets() -> set[str]:
    """The Makefile's targets."""
    makefile = (root_of_checkout() / "Makefile").read_text()
    return set(re.findall(r"^([a-z][a-z-]*):(?!=)", makefile, re.MULTILINE))


def trouble_with_proactivectl(shown: str, words: list[str]) -> str:
    """Ask it for the help of that command, and look for the options in it."""
    options = [word.split("=")[0] for word in words if word.startswith("--")]
    path = words[: next((at for at, word in enumerate(words) if word.startswith("-")), len(words))]
    done = subprocess.run(
        [sys.executable, "-m", "proactivectl", *path, "--help"],
        env={"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=HELP_SECONDS,
    )
    if done.returncode != 0:
        return f"`{shown}`: proactivectl does not know it: {(done.stderr or done.stdout).strip()[-300:]}"
    unknown = [option for option in options if option != "--help" and option not in done.stdout]
    return f"`{shown}`: proactivectl has no {', '.join(unknown)} there" if unknown else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
