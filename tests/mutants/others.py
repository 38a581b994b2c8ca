"""Guards of the bus, of the tracker, and of the doors to the outside."""

from collections.abc import Sequence

from tests.mutants.mutation import Edit, Mutation

AMQP = "libs/runtime/src/runtime/amqp"
TRACKER = "services/status_tracker/src/status_tracker"

PUBLISHING = "tests/integration/test_runtime_publisher.py"
CONSUMING = "tests/integration/test_runtime_consumer.py"
READ_UP_TO = "tests/integration/test_runtime_read_up_to.py"
RECORDING = "tests/integration/test_tracker_recording.py"
SWEEPING = "tests/integration/test_tracker_sweep.py"
ANNOUNCING = "tests/integration/test_tracker_announcer.py"
NOTING = "tests/integration/test_tracker_thread.py"

_INSISTS = "    while not task.done():\n        task.cancel()\n        await asyncio.wait({task}, timeout=4)\n"
_CANCELS_ONCE = "    task.cancel()\n    await asyncio.wait({task})\n"


def _one(name: str, takes_out: str, file: str, old: str, new: str, *tests: str, servers: bool = True) -> Mutation:
    return Mutation(name, takes_out, [Edit(file, old, new)], tests, servers)


OTHERS: Sequence[Mutation] = (
    # -- publishing
    _one(
        "mandatory",
        "what reaches no queue comes back",
        f"{AMQP}/publisher.py",
        "    return not isinstance(event.data, MessageStatusChanged)\n",
        "    return False\n",
        f"{PUBLISHING}::test_only_a_status_may_reach_nobody",
    ),
    _one(
        "returns-raise",
        "what comes back is an error",
        f"{AMQP}/publisher.py",
        '            answer.set_exception(Unroutable(f"no queue is bound to {message.returned}"))\n',
        "            answer.set_result(None)\n",
        f"{PUBLISHING}::test_message_to_nobody_is_unroutable_and_the_next_one_is_confirmed",
    ),
    _one(
        "confirms",
        "a publish is waited for until the broker has it",
        f"{AMQP}/publisher.py",
        "            await answer\n",
        "            pass\n",
        f"{PUBLISHING}::test_full_queue_is_unconfirmed_and_drains",
    ),
    _one(
        "persistent",
        "what was confirmed outlives the broker",
        f"{AMQP}/wire.py",
        '_PERSISTENT = b"\\x02"\n',
        '_PERSISTENT = b"\\x01"\n',
        f"{PUBLISHING}::test_confirmed_message_is_persistent_and_carries_its_properties",
    ),
    # -- consuming
    _one(
        "parked-before-ack",
        "what is parked is acknowledged only when its copy is confirmed",
        f"{AMQP}/consumer.py",
        "        await self._publisher.publish(DEAD, parked(delivery.queue), delivery.body, properties)\n"
        "        PARKED.labels(delivery.queue, reason).inc()\n"
        "        await delivery.ack()\n",
        "        await delivery.ack()\n"
        "        await self._publisher.publish(DEAD, parked(delivery.queue), delivery.body, properties)\n",
        f"{CONSUMING}::test_original_is_kept_until_its_parking_is_confirmed",
    ),
    _one(
        "trouble-not-counted",
        "trouble with the database never counts against a message",
        f"{AMQP}/consumer.py",
        "        except self._trouble:\n            raise\n        except Exception:\n"
        '            log.exception("delivery_failed"',
        '        except Exception:\n            log.exception("delivery_failed"',
        f"{CONSUMING}::test_trouble_is_waited_out_in_place_and_never_counted",
    ),
    _one(
        "read-up-to-under-load",
        "how far the queue was read is told while something is always in hand",
        f"{AMQP}/consumer.py",
        "                if self._open:\n                    self._marks.append((began, self._taken))\n",
        "                if self._open:\n                    pass\n",
        f"{READ_UP_TO}::test_steady_load_does_not_hold_it_back",
    ),
    _one(
        "read-up-to-returned",
        "what goes back to its queue voids what was to be told once it was handled",
        f"{AMQP}/consumer.py",
        "        if not handled:\n            self._marks.clear()\n",
        "        if not handled:\n",
        f"{READ_UP_TO}::test_what_goes_back_to_its_queue_voids_what_was_to_be_told",
    ),
    _one(
        "leaving-insists",
        "a stop cancels again where the client swallowed the first cancellation",
        f"{AMQP}/connection.py",
        _INSISTS,
        _CANCELS_ONCE,
        "tests/unit/runtime/test_leaving.py",
        servers=False,
    ),
    _one(
        "leaving-a-broker",
        "the same on a real broker",
        f"{AMQP}/connection.py",
        _INSISTS,
        _CANCELS_ONCE,
        "tests/integration/test_runtime_leaving.py",
    ),
    # -- tracker
    _one(
        "tracker-dedupe",
        "an event counts once",
        f"{TRACKER}/storage/entries.py",
        "    ON CONFLICT (entry_id) DO NOTHING\n",
        "    ON CONFLICT (entry_id) DO UPDATE SET entry_id = EXCLUDED.entry_id\n",
        f"{RECORDING}::test_the_same_event_many_times_counts_once",
    ),
    _one(
        "tracker-order",
        "the status is a total order, never decided by time",
        f"{TRACKER}/domain/status.py",
        "    return (\n        rank,\n",
        "    return (\n        int(entry.at.timestamp()),\n",
        "tests/unit/status_tracker/test_status.py",
        "tests/unit/status_tracker/test_history.py",
        f"{RECORDING}::test_every_permutation_ends_in_the_same_row",
        servers=True,
    ),
    _one(
        "tracker-part-that-failed",
        "a text of which a part failed has failed, whatever is said of the others",
        f"{TRACKER}/domain/status.py",
        "    rank = _PARTIAL_RANK if entry.is_partial else _RANKS[entry.status]\n",
        "    rank = _RANKS[entry.status]\n",
        "tests/unit/status_tracker/test_status.py",
        "tests/unit/status_tracker/test_receipts.py",
        servers=False,
    ),
    _one(
        "tracker-looks-before-it-notes-again",
        "a note whose writing was not answered is looked for before it is written again",
        f"{TRACKER}/noting.py",
        "        if effect.may_exist and await self._threads.contains(",
        "        if not effect and await self._threads.contains(",
        f"{NOTING}::test_note_whose_answer_was_lost_is_found_and_not_written_again",
    ),
    _one(
        "tracker-tells-until-confirmed",
        "a status event is kept until the broker confirmed it",
        f"{TRACKER}/announcer.py",
        "        return _End.UNCONFIRMED\n",
        "        return _End.PUBLISHED\n",
        f"{ANNOUNCING}::test_what_was_not_confirmed_holds_back_its_successors_only",
    ),
    _one(
        "sweep-asks-first",
        "nothing is said without the dispatcher's answer",
        f"{TRACKER}/sweep.py",
        "        if answer.taken is Taken.NO_ANSWER or (answer.job and self._just_took_a_step(answer.job)):\n",
        "        if answer.taken is Taken.NO_ANSWER:\n            await self._tell_not_taken(late)\n"
        "        if answer.job and self._just_took_a_step(answer.job):\n",
        f"{SWEEPING}::test_without_a_clear_answer_nothing_is_said",
        f"{SWEEPING}::test_unreachable_dispatcher_says_nothing",
    ),
    _one(
        "sweep-reads-first",
        "what may have a result in the queue is not judged",
        f"{TRACKER}/storage/messages.py",
        "            AND not_after < least(now(), $1) - make_interval",
        "            AND $1::timestamptz IS NOT NULL AND not_after < now() - make_interval",
        f"{SWEEPING}::test_what_may_have_results_in_the_queue_is_not_judged",
    ),
    _one(
        "tracker-receipt-of-its-channel",
        "a receipt counts only through the message's own channel",
        f"{TRACKER}/domain/history.py",
        "    return entry.source is Source.RECEIPT and entry.channel_id != request.asked.channel_id\n",
        "    return False\n",
        f"{RECORDING}::test_receipt_that_echoes_an_id_of_another_channel_is_ignored",
    ),
    # -- panel
    _one(
        "returned-after-unconfirmed",
        "what came back is lost only if no earlier publish of it may have been taken",
        "services/canvas_gateway/src/canvas_gateway/domain/outcome.py",
        "    lost = published is Published.UNROUTABLE and not (submission.unconfirmed or submission.confirmed)\n",
        "    lost = published is Published.UNROUTABLE\n",
        "tests/unit/canvas_gateway/test_sending.py::test_lost_publish_is_failed_only_when_no_earlier_one_may_be_queued",
        servers=False,
    ),
    _one(
        "published-until-confirmed",
        "what was not confirmed is published again by itself",
        "services/canvas_gateway/src/canvas_gateway/handlers/asking.py",
        "        waiting = publishing.result() in {Published.UNCONFIRMED, Published.NOT_PUBLISHED}\n",
        "        waiting = False\n",
        "tests/unit/canvas_gateway/test_asking.py::test_what_was_not_confirmed_is_published_again_by_itself",
        servers=False,
    ),
    # -- doors
    _one(
        "webhook-signature",
        "only the provider's own callbacks count",
        "services/dispatcher/src/dispatcher/webhooks.py",
        "        if not provider.verify(callback, channel):\n",
        "        if False:\n",
        "tests/unit/dispatcher/test_http.py",
        servers=False,
    ),
)
