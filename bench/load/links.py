"""links.py SECONDS KEY SIZE SHA256: signs links to one object in this process; prints a line of JSON."""

import json
import sys
import time
from datetime import timedelta

import django

django.setup()

from core import clock  # noqa: E402
from storage import delivery  # noqa: E402

seconds, key, size_bytes, digest = float(sys.argv[1]), sys.argv[2], int(sys.argv[3]), bytes.fromhex(sys.argv[4])
until = clock.now() + timedelta(hours=1)


def signed() -> str:
    return delivery.link(
        key, content_type="audio/wav", filename="tone.wav", sha256=digest, size_bytes=size_bytes, until=until
    )


link, count = signed(), 0
began = time.perf_counter()
while time.perf_counter() - began < seconds:
    for _ in range(50):
        signed()
    count += 50
print(json.dumps({"links_s": count / (time.perf_counter() - began), "link": link}))
