"""The work itself: what each operation of the sandbox makes of its input. Runs in a child process."""

import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generation.providers.base import Done, OperationInput, Output
from generation.providers.sandbox import inputs, pixels
from generation.providers.sandbox.scene import landscape

Refused = pixels.Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One call: the input, the files it names by field, and the folder that outputs go to."""

    operation: str
    input: OperationInput
    files: Mapping[str, Path]
    folder: Path
    key: str

    def seeds(self, seed: int | None, count: int) -> list[int]:
        """One seed for each picture; where none was asked for, the call's key decides."""
        first = int.from_bytes(hashlib.sha256(self.key.encode()).digest()[:4]) if seed is None else seed
        return [(first + index) % 2**31 for index in range(count)]


def perform(task: Task) -> Done:
    """Do the task. Raises Refused."""
    return _OPERATIONS[task.operation](task, task.input)


def _generate(task: Task, asked: inputs.Generate) -> Done:
    outputs = []
    for index, seed in enumerate(task.seeds(asked.seed, asked.count)):
        path = pixels.save(landscape(asked.prompt, asked.negative_prompt, seed, asked.size()), task.folder / f"output-{index}.png")
        outputs.append(Output(kind="image", path=path, seed=seed))
    return Done(outputs=tuple(outputs), units=len(outputs))


_OPERATIONS: dict[str, Callable[[Task, Any], Done]] = {"generate": _generate}
