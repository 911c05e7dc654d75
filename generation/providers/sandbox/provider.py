"""The sandbox: a provider that needs no key and does real, deterministic work on real pixels.

It keeps no state. A task id holds the call's key and when it began, so progress follows from the clock, and any
process can take a task over at any time. The same key is the same task: a submission may be repeated and looked up.
"""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from core import children, clock
from generation.providers.base import Done, Offer, Output, Pending, ProviderError, SubmitRequest
from generation.providers.sandbox.inputs import Fault, SandboxInput, SandboxOptions
from generation.providers.sandbox.offers import MODEL, OFFERS
from generation.providers.sandbox.operations import Refused, Task, perform

# Progress is told at most twice a second; the margin keeps a timer that fires early from asking in vain.
_PAUSE_SECONDS = 0.5
_MARGIN_SECONDS = 0.01
_HANG_SECONDS = 3600.0
_DRAW_SECONDS = 60.0


class Sandbox:
    slug: ClassVar[str] = "sandbox"
    models: ClassVar[Mapping[str, str]] = {MODEL: "Sandbox"}
    offers: ClassVar[tuple[Offer, ...]] = OFFERS

    async def submit(self, request: SubmitRequest) -> Pending | Done:
        fault = _fault(request)
        if fault == "hang":
            await asyncio.sleep(_HANG_SECONDS)
        if fault is not None:
            _refuse(fault)
        task_id = _task_id(request)
        if _options(request).latency_seconds == 0:
            return await _result(request)
        return _pending(request, task_id)

    async def poll(self, request: SubmitRequest, task_id: str) -> Pending | Done:
        latency, elapsed = _options(request).latency_seconds, _elapsed_seconds(task_id)
        if _fault(request) == "poll_error" and elapsed < latency / 2:
            raise ProviderError("server_error", "The sandbox did not answer (503).", retryable=True, billed="unknown")
        return _pending(request, task_id) if elapsed < latency else await _result(request)

    async def cancel(self, request: SubmitRequest, task_id: str) -> bool:
        """Possible until the picture is due."""
        return _fault(request) != "cancel_refused" and _elapsed_seconds(task_id) < _options(request).latency_seconds

    async def find(self, request: SubmitRequest) -> Pending | Done | None:
        return None if _fault(request) == "never_arrived" else _pending(request, _task_id(request))

    def outcome_ttl_seconds(self) -> float:
        """Longer than the longest latency that may be asked for."""
        return 900.0


def _options(request: SubmitRequest) -> SandboxOptions:
    assert isinstance(request.input, SandboxInput)
    return request.input.sandbox


def _fault(request: SubmitRequest) -> Fault | None:
    """The fault this call is to meet, if any."""
    options = _options(request)
    is_over = options.fail_attempts is not None and request.number > options.fail_attempts
    return None if is_over else options.fail_with


def _refuse(fault: Fault) -> None:
    """Fail as a call fails that was refused, or whose answer never came."""
    match fault:
        case "rate_limited":
            raise ProviderError(fault, "The sandbox is asked too often (429).", retryable=True, retry_after=1.0)
        case "server_error":
            raise ProviderError(fault, "The sandbox is out of order (503).", retryable=True)
        case "timeout":
            raise ProviderError(fault, "No connection to the sandbox in time.", retryable=True)
        case "content_policy":
            raise ProviderError(fault, "The sandbox refuses this prompt.")
        case "lost_reply" | "never_arrived":
            raise ProviderError("lost_reply", "The connection broke before the answer came.", billed="unknown")
        case "hang":
            raise ProviderError("timeout", "The sandbox did not answer in time.", billed="unknown")


def _task_id(request: SubmitRequest) -> str:
    """Dated by the intent, so that a call that is looked up turns out to be the task it was."""
    return f"{request.key}:{round(request.intended_at.timestamp() * 1000)}"


def _elapsed_seconds(task_id: str) -> float:
    return clock.now().timestamp() - int(task_id.rpartition(":")[2]) / 1000


def _pending(request: SubmitRequest, task_id: str) -> Pending:
    """How far the task is by the clock, and when its next step is worth asking for."""
    options = _options(request)
    latency, elapsed = options.latency_seconds, max(0.0, _elapsed_seconds(task_id))
    if elapsed >= latency:
        return Pending(task_id=task_id, progress=99, poll_after_seconds=_MARGIN_SECONDS)
    step = latency / options.progress_steps
    next_step = math.ceil((elapsed + _PAUSE_SECONDS) / step) * step
    return Pending(
        task_id=task_id,
        progress=math.floor(elapsed / step) * 100 // options.progress_steps,
        poll_after_seconds=min(next_step, latency) - elapsed + _MARGIN_SECONDS,
    )


async def _result(request: SubmitRequest) -> Done:
    fault = _fault(request)
    if fault == "task_failed":
        raise ProviderError("task_failed", "The sandbox accepted the task and failed at it.")
    task = Task(
        operation=request.operation,
        input=request.input,
        files={name: file.path for name, file in request.files.items()},
        folder=request.folder,
        key=request.key,
    )
    try:
        done = await children.arun(perform, task, timeout=_DRAW_SECONDS)
    except Refused as refused:
        raise ProviderError(refused.code, refused.detail) from refused
    except children.ChildFailed as failed:
        # A process that died may have been unlucky; one that met a limit will meet it again.
        is_luck = failed.reason == "crash"
        raise ProviderError("task_failed", f"Drawing failed ({failed.reason}).", retryable=is_luck) from failed
    return done if fault is None else await asyncio.to_thread(_spoiled, done, fault)


def _spoiled(done: Done, fault: Fault) -> Done:
    """The result with the fault that was asked for."""
    match fault:
        case "bad_output":
            return replace(done, outputs=tuple(_overwritten(output, b"This is no picture.") for output in done.outputs))
        case "bad_first_output":
            first, *rest = done.outputs
            return replace(done, outputs=(_overwritten(first, b"This is no picture."), *rest))
        case "empty_output":
            return replace(done, outputs=tuple(_overwritten(output, b"") for output in done.outputs))
        case "no_output":
            return replace(done, outputs=(), units=0)
        case "withheld":
            return replace(done, outputs=done.outputs[1:], units=done.units - 1, withheld=1)
        case _:
            return done


def _overwritten(output: Output, content: bytes) -> Output:
    if output.path is None:
        return replace(output, text="")
    output.path.write_bytes(content)
    return output
