"""Starts a stack of its own, plays every step, and tells what passed."""

import contextlib
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devstack.demo.checks import LeftOut, Unexpected
from devstack.demo.scene import Scene
from devstack.demo.steps import STEPS
from devstack.errors import AlreadyRunning, DevstackError
from devstack.progress import Progress
from devstack.run import Interrupts, default_folder, shown
from devstack.stack import Stack
from devstack.state import State


@dataclass(frozen=True)
class Step:
    """One line of the demo."""

    title: str
    play: Callable[[Scene], None]


@dataclass
class Score:
    """How many steps went which way."""

    passed: int = 0
    failed: int = 0

    def __str__(self) -> str:
        return f"demo: {self.passed} passed, {self.failed} failed"


def main(folder: Path | None = None) -> int:
    """Play everything on the demo's own state; 0 when every step passed."""
    progress = Progress()
    state = State(folder or default_folder("demo"))
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(state.lock())
        except AlreadyRunning as error:
            progress.say(f"A demo is running already in this checkout (process {error}). Let it end, or stop it.")
            return 1
        return play_locked(Stack(state.folder, progress=progress), progress)


def play_locked(stack: Stack, progress: Progress) -> int:
    """Start, play, stop; the last line is the score, whatever happens."""
    interrupts = Interrupts(stack, progress)
    interrupts.install()
    score, whole = Score(), False
    try:
        progress.say("Starting a stack for the demo")
        stack.start()
        progress.say("")
        play(Scene(stack), [Step(title, step) for title, step in STEPS], score, progress)
        whole = True
    except KeyboardInterrupt:
        progress.say("\ninterrupted")
    except DevstackError as error:
        progress.say(f"\n{error}")
        score.failed += 1
    interrupts.stopping = True
    progress.say("")
    with progress.stage("stopping everything"):
        stack.stop()
    if score.failed:
        progress.say(f"  the services' logs: {shown(stack.state.logs)}/")
    progress.say(str(score))
    return 0 if whole and not score.failed else 1


def play(scene: Scene, steps: Sequence[Step], score: Score, progress: Progress) -> None:
    """One line per step; a failed one does not keep the next from being played."""
    for step in steps:
        scene.reset()
        began = time.monotonic()
        try:
            trouble = trouble_with(step, scene)
        except LeftOut as reason:
            progress.say(f"left out       {step.title}\n         {reason}")
            continue
        seconds = f"{time.monotonic() - began:5.1f}s"
        if trouble is None:
            score.passed += 1
            progress.say(f"ok     {seconds}  {step.title}")
        else:
            score.failed += 1
            progress.say(f"FAILED {seconds}  {step.title}\n{trouble}")


def trouble_with(step: Step, scene: Scene) -> str | None:
    """
    Play one step; nothing, or what was expected and what was seen.

    Raises:
        LeftOut: it cannot be played here.
    """
    try:
        step.play(scene)
    except LeftOut:
        raise
    except Unexpected as error:
        return f"         expected: {error.expected}\n         seen:     {error.seen}"
    except DevstackError as error:
        return f"         {error}"
    except Exception:
        return f"         the step itself broke:\n{traceback.format_exc()}"
    return None
