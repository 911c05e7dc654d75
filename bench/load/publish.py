"""publish.py ORGANIZATION JOB GAP_SECONDS COUNT: events of a job, each with its own time `t`, as a worker publishes."""

import json
import sys
import time

import django

django.setup()

from core import postman  # noqa: E402
from generation import progress  # noqa: E402

organization, job, gap, count = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
for number in range(count):
    time.sleep(gap)
    event = {"type": "job.progress", "jobId": job, "seq": number + 2, "status": "running", "progress": number}
    progress.announce(organization, job, json.dumps(event | {"t": time.time()}))
postman.finish()
