"""The stack that whole-path tests stand on: it answers, and it comes back after a kill."""

import os
import signal
import time

import httpx2


def test_a_picture_is_made_across_all_processes(stack, owner, funded):
    # given
    body = {"model": "sandbox/v1", "operation": "generate", "input": {"prompt": "a lighthouse at dusk"}}

    # when
    with httpx2.Client(base_url=stack.base_url, headers={"Authorization": f"Bearer {owner.secret}"}) as client:
        job = client.post("/v1/jobs", json=body).json()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and job["status"] in {"queued", "running"}:
            time.sleep(0.2)
            job = client.get(f"/v1/jobs/{job['jobId']}").json()

    # then
    assert job["status"] == "succeeded", job
    picture = httpx2.get(job["resultUrl"], follow_redirects=True)
    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/png"
    assert len(picture.content) == job["output"]["assets"][0]["size"]


def test_a_killed_process_runs_again(stack, owner):
    # given
    os.kill(stack.processes["web"].pid, signal.SIGKILL)

    # when
    stack.restart("web")

    # then
    answer = httpx2.get(f"{stack.base_url}/v1/me", headers={"Authorization": f"Bearer {owner.secret}"})
    assert answer.status_code == 200
