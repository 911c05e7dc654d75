"""links.py: signs links in this process, as JSON lines on stdin ask for it; a line on stdout answers each.

{"signer", "seconds", "key", "size", "sha256", "settings"} is answered with {"links_s", "link"}.
"""

import json
import sys
import time
from datetime import timedelta

import django

django.setup()

from django.conf import settings  # noqa: E402

from core import clock  # noqa: E402
from storage import delivery  # noqa: E402

for line in sys.stdin:
    asked = json.loads(line)
    until = clock.now() + timedelta(hours=1)
    for name, value in asked["settings"].items():
        setattr(settings, name, value)
    count, began = 0, time.perf_counter()
    while count == 0 or time.perf_counter() - began < asked["seconds"]:
        for _ in range(50):
            link = delivery.link(
                asked["key"],
                content_type="audio/wav",
                filename="tone.wav",
                sha256=bytes.fromhex(asked["sha256"]),
                size_bytes=asked["size"],
                until=until,
            )
        count += 50
    print(json.dumps({"links_s": count / (time.perf_counter() - began), "link": link}), flush=True)
