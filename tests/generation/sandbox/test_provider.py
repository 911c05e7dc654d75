"""The sandbox as a provider: the time it takes, how a task is taken over, and its faults on demand."""

import asyncio
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image

from core import clock
from generation.providers.base import Done, InputFile, Pending, ProviderError, SubmitRequest
from generation.providers.sandbox.offers import OFFERS
from generation.providers.sandbox.provider import Sandbox

START = datetime(2026, 11, 22, 14, 32, tzinfo=UTC)


@pytest.fixture
def at(monkeypatch):
    """Moves the clock to so many seconds after the intent."""

    def _at(seconds):
        monkeypatch.setattr(clock, "now", lambda: START + timedelta(seconds=seconds))

    _at(0)
    return _at


@pytest.fixture
def request_for(tmp_path):
    def _request_for(*, number=1, operation="generate", files=None, options=None, **sandbox):
        takes = next(offer.input for offer in OFFERS if offer.operation == operation)
        given = {"prompt": "a cat", "width": 64, "height": 64, "seed": 1} if options is None else options
        return SubmitRequest(
            key="0199-attempt",
            number=number,
            model="sandbox/v1",
            operation=operation,
            input=takes.model_validate({**given, "sandbox": sandbox}),
            files={
                name: InputFile(path=path, content_type="image/png", size_bytes=path.stat().st_size)
                for name, path in (files or {}).items()
            },
            folder=tmp_path,
            intended_at=START,
        )

    return _request_for


async def test_without_latency_the_picture_is_there_at_once(request_for, at):
    # when
    done = await Sandbox().submit(request_for(latencySeconds=0))

    # then
    assert isinstance(done, Done)
    (output,) = done.outputs
    with Image.open(output.path) as image:
        assert (image.size, output.kind, output.seed, done.units, done.withheld) == ((64, 64), "image", 1, 1, 0)


async def test_progress_follows_the_clock(request_for, at):
    # given
    request = request_for(latencySeconds=10, progressSteps=5)
    task = await Sandbox().submit(request)
    assert (task.task_id, task.progress) == (f"0199-attempt:{round(START.timestamp() * 1000)}", 0)

    # when: each poll waits as long as it was told
    told, now = [], 0.0
    while isinstance(task, Pending):
        now += task.poll_after_seconds
        at(now)
        task = await Sandbox().poll(request, task.task_id)
        told.append(task.progress if isinstance(task, Pending) else "done")

    # then
    assert told == [20, 40, 60, 80, "done"]
    assert now < 10.2


@pytest.mark.parametrize(
    ("latency", "steps", "polls"), [(1.5, 6, 3), (5, 1, 1), (0.2, 100, 1), (60, 100, 100), (4, 100, 8)]
)
async def test_a_task_is_asked_after_twice_a_second_at_most(request_for, at, latency, steps, polls):
    request = request_for(latencySeconds=latency, progressSteps=steps)
    task, now, count = await Sandbox().submit(request), 0.0, 0
    while isinstance(task, Pending):
        assert task.poll_after_seconds >= min(0.5, latency - now)
        now, count = now + task.poll_after_seconds, count + 1
        at(now)
        task = await Sandbox().poll(request, task.task_id) if now < latency else None
    assert count <= polls


async def test_another_process_takes_a_task_over(request_for, at):
    # given
    request = request_for(latencySeconds=3)
    accepted = await Sandbox().submit(request)

    # when
    at(2)
    halfway = await Sandbox().poll(request, accepted.task_id)
    at(3)
    done = await Sandbox().poll(request, accepted.task_id)
    once_more = await Sandbox().poll(request, accepted.task_id)

    # then
    assert (halfway.task_id, halfway.progress) == (accepted.task_id, 66)
    assert done == once_more


async def test_the_same_call_is_the_same_task_and_is_found(request_for, at):
    # given
    request = request_for(latencySeconds=3)
    accepted = await Sandbox().submit(request)

    # when
    at(1)
    again, found = await Sandbox().submit(request), await Sandbox().find(request)

    # then
    assert accepted.task_id == again.task_id == found.task_id
    at(60)
    assert (await Sandbox().find(request)).task_id == accepted.task_id


async def test_a_task_can_be_stopped_until_it_is_due(request_for, at):
    request = request_for(latencySeconds=3)
    task = await Sandbox().submit(request)
    assert await Sandbox().cancel(request, task.task_id)
    at(3)
    assert not await Sandbox().cancel(request, task.task_id)


async def test_the_event_loop_goes_on_while_pictures_are_drawn(request_for, at):
    # given
    large = {"prompt": "a lighthouse", "width": 2048, "height": 1024, "count": 2}
    request = request_for(latencySeconds=0, options=large)
    longest, is_drawing = 0.0, True

    async def heartbeat():
        nonlocal longest
        while is_drawing:
            before = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - before)
            await asyncio.sleep(0.005)

    # when
    beating = asyncio.create_task(heartbeat())
    done = await Sandbox().submit(request)
    is_drawing = False
    await beating

    # then: this thread itself never worked for long
    assert len(done.outputs) == 2
    assert longest < 0.1


async def test_an_input_that_cannot_be_worked_on_is_refused_for_good(request_for, at, tmp_path):
    # given
    path = tmp_path / "broken.png"
    path.write_bytes(b"no picture")
    request = request_for(
        operation="upscale", files={"image": path}, options={"image": str(uuid.uuid4())}, latencySeconds=0
    )

    # when
    with pytest.raises(ProviderError) as refusal:
        await Sandbox().submit(request)

    # then
    assert (refusal.value.code, refusal.value.retryable, refusal.value.billed) == ("bad_input", False, "no")


@pytest.mark.parametrize(
    ("fault", "code", "retryable", "billed"),
    [
        ("rate_limited", "rate_limited", True, "no"),
        ("server_error", "server_error", True, "no"),
        ("timeout", "timeout", True, "no"),
        ("content_policy", "content_policy", False, "no"),
        ("lost_reply", "lost_reply", False, "unknown"),
        ("never_arrived", "lost_reply", False, "unknown"),
    ],
)
async def test_a_call_fails_as_it_is_asked_to(request_for, at, fault, code, retryable, billed):
    # when
    with pytest.raises(ProviderError) as failure:
        await Sandbox().submit(request_for(failWith=fault))

    # then
    error = failure.value
    assert (error.code, error.retryable, error.billed) == (code, retryable, billed)
    assert (error.is_rate_limit, error.retry_after) == ((True, 1.0) if fault == "rate_limited" else (False, None))


async def test_only_the_first_calls_fail_where_that_is_asked(request_for, at):
    fault = {"failWith": "server_error", "failAttempts": 2}
    for number in (1, 2):
        with pytest.raises(ProviderError):
            await Sandbox().submit(request_for(number=number, **fault))
    assert isinstance(await Sandbox().submit(request_for(number=3, **fault)), Pending)


async def test_a_lost_call_is_found_if_it_arrived(request_for, at):
    lost, never = request_for(failWith="lost_reply"), request_for(failWith="never_arrived")
    found = await Sandbox().find(lost)
    assert isinstance(found, Pending)
    assert await Sandbox().find(never) is None
    at(2)
    assert isinstance(await Sandbox().poll(lost, found.task_id), Done)


async def test_a_hanging_call_never_answers(request_for, at):
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(Sandbox().submit(request_for(failWith="hang", latencySeconds=0)), 0.05)


async def test_polls_fail_until_half_of_the_time_is_over(request_for, at):
    # given
    request = request_for(failWith="poll_error", latencySeconds=4)
    task = await Sandbox().submit(request)

    # when
    with pytest.raises(ProviderError) as failure:
        await Sandbox().poll(request, task.task_id)

    # then: the asking failed, the task goes on
    assert (failure.value.retryable, failure.value.billed) == (True, "unknown")
    at(2)
    assert (await Sandbox().poll(request, task.task_id)).progress == 50


async def test_an_accepted_task_fails_when_it_is_due(request_for, at):
    request = request_for(failWith="task_failed", latencySeconds=1)
    task = await Sandbox().submit(request)
    at(1)
    with pytest.raises(ProviderError) as failure:
        await Sandbox().poll(request, task.task_id)
    assert (failure.value.code, failure.value.retryable, failure.value.billed) == ("task_failed", False, "no")


async def test_a_cancel_is_refused_on_demand(request_for, at):
    request = request_for(failWith="cancel_refused")
    assert not await Sandbox().cancel(request, (await Sandbox().submit(request)).task_id)


@pytest.mark.parametrize(
    ("fault", "contents", "units", "withheld"),
    [
        ("bad_output", [b"This is no picture."] * 2, 2, 0),
        ("empty_output", [b"", b""], 2, 0),
        ("no_output", [], 0, 0),
        ("withheld", [b"\x89PNG"], 1, 1),
    ],
)
async def test_a_result_is_spoilt_on_demand(request_for, at, fault, contents, units, withheld):
    # given
    options = {"prompt": "a cat", "width": 64, "height": 64, "count": 2}

    # when
    done = await Sandbox().submit(request_for(failWith=fault, latencySeconds=0, options=options))

    # then
    found = await asyncio.to_thread(lambda: [output.path.read_bytes() for output in done.outputs])
    assert [content[:4] if fault == "withheld" else content for content in found] == contents
    assert (done.units, done.withheld) == (units, withheld)


async def test_a_spoilt_text_is_empty(request_for, at):
    options = {"prompt": "a cat"}
    request = request_for(operation="magic-prompt", options=options, failWith="bad_output", latencySeconds=0)
    assert (await Sandbox().submit(request)).outputs[0].text == ""
