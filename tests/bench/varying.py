"""Ours and variants of ours: more workers, less of what is promised, a long run, a journal full of what is done."""

import asyncio
import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from runtime.lifecycle import loop_factory
from tests.bench.contestants import ABLATED, MOST_WORKERS, OURS, Contestant, ours_without, with_workers
from tests.bench.feed import feeding
from tests.bench.filling import Say
from tests.bench.rows import Row, figure
from tests.bench.running import Plan, Run, run
from tests.bench.world import World
from tests.support.bus import WORKSPACE

HISTORY = "status_tracker.history"
LONG_SECONDS = 1800.0
_CROWDED = "crowded"


def workers(world: World, plans: Sequence[Plan], say: Say) -> list[Row]:
    """One, two and four workers beside one tracker."""
    counts = [count for count in (1, 2, 4) if count <= MOST_WORKERS]
    found = _rounds(world, {f"{count} worker(s)": with_workers(count) for count in counts}, plans, say)
    return [Row(f"messages/s, {name}", figure([one.per_second for one in runs]), "/s") for name, runs in found.items()]


def ablation(world: World, plans: Sequence[Plan], say: Say) -> list[Row]:
    """What each part costs: throughput without it, against everything in the same round."""
    no_tracker = replace(
        OURS,
        name="without-history",
        trackers=(),
        queues=OURS.queues[:1],
        done=f"SELECT message_id::text FROM dispatch.job WHERE workspace_id = '{WORKSPACE}' "
        "AND message_id = ANY($1::uuid[]) AND announced_at IS NOT NULL",
    )
    variants = {_TITLES[what]: ours_without(what) for what in ABLATED} | {"without the tracker": no_tracker}
    found = _rounds(world, {"everything": OURS, **variants}, plans, say)
    return [row for title in variants for row in _beside(title, found[title], found["everything"])]


_TITLES = {
    "journal": "without the journal of claims",
    "batches": "claims and outcomes one by one",
    "status_events": "without status events",
}


def _beside(title: str, runs: list[Run], whole: list[Run]) -> Iterator[Row]:
    pairs = list(zip(runs, whole, strict=True))
    yield Row(f"messages/s, {title} / everything", figure([one.per_second / all_.per_second for one, all_ in pairs]))
    more = figure([one.all_cpu - all_.all_cpu for one, all_ in pairs])
    yield Row(f"CPU per message, {title}, beyond everything", more, "ms")


def _rounds(world: World, variants: Mapping[str, Contestant], plans: Sequence[Plan], say: Say) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {name: [] for name in variants}
    for plan in plans:
        for name, variant in variants.items():
            say(f"ours: {name}")
            found[name].append(run(world, variant, replace(plan, latency=0)))
            world.purge(HISTORY)
    return found


# A long run


def endurance(world: World, say: Say, messages: int) -> list[Row]:
    """Whether throughput and memory stay what they are."""
    say(f"ours: {messages:,} messages")
    world.start(OURS)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            seen = runner.run(_watched(world, messages))
    finally:
        world.stop(OURS)
    fifth = max(1, len(seen) // 5)
    rates = [(later[1] - one[1]) / (later[0] - one[0]) for one, later in itertools.pairwise(seen)]
    name = f"over {messages:,} messages"
    return [
        Row(f"messages/s {name}, last fifth / first", figure([_mean(rates[-fifth:]) / _mean(rates[:fifth])])),
        Row(
            f"memory {name}, the larger service at its largest",
            figure([max(one[2] for one in seen)]),
            "MB",
            90,
            60,
            True,
        ),
        Row(f"memory {name}, last fifth / second", figure([_rss(seen[-fifth:]) / _rss(seen[fifth : 2 * fifth])])),
    ]


_Seen = tuple[float, int, float]
"""A moment, how many are done, megabytes of the larger of our processes."""


async def _watched(world: World, messages: int) -> list[_Seen]:
    seen: list[_Seen] = []
    async with feeding(world, OURS) as feed:
        ends = time.monotonic() + LONG_SECONDS
        async with feed.closed_loop():
            while feed.finished < messages and time.monotonic() < ends:
                await asyncio.sleep(2)
                rss = world.usage(OURS).rss
                seen.append((time.monotonic(), feed.finished, max(rss["dispatcher"], rss["tracker"])))
        await feed.settle()
    return seen


def _mean(values: list[float]) -> float:
    return sum(values) / max(1, len(values))


def _rss(seen: list[_Seen]) -> float:
    return _mean([one[2] for one in seen])


# A journal full of what is done


def crowded(world: World, plans: Sequence[Plan], say: Say, jobs: int) -> list[Row]:
    """Throughput with so many finished jobs in the journal, against none, in turn."""
    run(world, OURS, Plan(1, 1, 0))  # whose last job is what all of them look like
    say(f"ours: {jobs:,} finished jobs are filled in")
    world.execute(f"CREATE DATABASE {_CROWDED} TEMPLATE {OURS.database}")
    for statement in _FILL:
        world.execute(statement.format(jobs=jobs), _CROWDED)
    tracked = OURS.forget.replace("dispatch.job, ", "")
    full = replace(OURS, name="crowded", database=_CROWDED, forget=tracked)
    found = _rounds(world, {"an empty journal": OURS, f"{jobs:,} finished jobs": full}, plans, say)
    empty, crowd = found.values()
    ratio = figure([one.per_second / other.per_second for one, other in zip(crowd, empty, strict=True)])
    return [Row(f"messages/s, {jobs:,} finished jobs / none", ratio, "×", 0.9, 0.97, judged=True)]


_FILL = (
    """
    CREATE TABLE public.one AS SELECT * FROM dispatch.job WHERE announced_at IS NOT NULL LIMIT 1;
    CREATE TABLE public.kept AS SELECT indexdef FROM pg_indexes
        WHERE schemaname = 'dispatch' AND tablename = 'job' AND indexname <> 'job_pkey';
    TRUNCATE dispatch.job;
    DO $do$ DECLARE name text; BEGIN
        FOR name IN SELECT indexname FROM pg_indexes
            WHERE schemaname = 'dispatch' AND tablename = 'job' AND indexname <> 'job_pkey'
        LOOP EXECUTE format('DROP INDEX dispatch.%I', name); END LOOP;
        ALTER TABLE dispatch.job DROP CONSTRAINT job_pkey;
    END $do$
    """,
    """
    DO $do$ DECLARE names text; BEGIN
        SELECT string_agg(quote_ident(column_name), ', ') INTO names FROM information_schema.columns
            WHERE table_schema = 'dispatch' AND table_name = 'job' AND column_name NOT IN ('message_id', 'event_id');
        EXECUTE format('INSERT INTO dispatch.job (message_id, event_id, %1$s) SELECT gen_random_uuid(), '
            'gen_random_uuid(), %1$s FROM public.one, generate_series(1, {jobs})', names);
    END $do$
    """,
    """
    DO $do$ DECLARE made text; BEGIN
        SET LOCAL maintenance_work_mem = '512MB';
        ALTER TABLE dispatch.job ADD PRIMARY KEY (workspace_id, message_id);
        FOR made IN SELECT indexdef FROM public.kept LOOP EXECUTE made; END LOOP;
    END $do$
    """,
    "VACUUM (ANALYZE) dispatch.job",
    "CHECKPOINT",
)
