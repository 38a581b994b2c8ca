"""
Every fault that the promise has to survive, played on real servers and real processes.

How it works
------------
A `World` (world.py) is one private RabbitMQ, one private PostgreSQL, the services and the sandbox, each service with a
`Proxy` (proxy.py) of its own in front of broker and database, and one in front of the providers. It is kept over
many faults; after each one it is healed, and made anew only where that fails.

A fault is a function in one of the families (gateway.py, publishing.py, claims.py, …), marked with `@fault`
(matrix.py). It gets a `Run` (run.py): messages of its own, with ids, numbers and texts that no other fault has, verbs
to publish and to wait, and the world to mistreat. It says how its messages may end, how many of them may have been of
unknown outcome, and what must be parked. What it has to see in between it asserts with `see`.

After it, judge.py asserts seven invariants, none of them from the code under test: from the sandbox's ledger of
submissions, the database's rows, the broker's queues, the status events that a listener heard, and the logs.

    I1  the provider took at most one copy of a message
    I2  every accepted request is in a visible, true state in time
    I3  a receipt that we took is a delivered message
    I4  no status goes down
    I5  no number, text or secret in a log
    I6  each event was applied once
    I7  the queues are empty, and parked is what was to be parked

To add a fault
--------------
    @fault("name-in-words", row="14", fast=True)
    def broker_killed(run: Run) -> None:
        \"\"\"What must come of it, in one sentence.\"\"\"
        run.publish(5)
        run.world.broker.kill()
        run.world.broker.start()
        run.settle()

`row` is the row of the matrix; `fast` ones are part of `make test` too (tests/e2e/test_faults.py), so they take
seconds. A new family is named in matrix.py. `make chaos ONLY=name` plays one; the logs of
those that failed are below .dev/chaos/failed until the next run.
"""
