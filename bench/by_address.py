"""A provider whose result is a recording at an address, for `celery worker -I bench.by_address`.

The sandbox draws on the spot, while providers of the market leave their results on servers of theirs. This one stands
in the sandbox's place, in a worker of a benchmark alone, and says that the result lies at BENCH_RESULT_URL; how the
worker brings it and keeps it is all the product's.
"""

import os
from typing import cast

from generation import catalog
from generation.providers.base import Done, Output, Provider, SubmitRequest
from generation.providers.sandbox.provider import Sandbox


class ByAddress(Sandbox):
    async def submit(self, request: SubmitRequest) -> Done:
        return Done(outputs=(Output(kind="audio", url=os.environ["BENCH_RESULT_URL"]),), units=1)


cast("dict[str, type[Provider]]", catalog.PROVIDERS)[Sandbox.slug] = ByAddress
