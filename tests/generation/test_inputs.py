"""What a job works on comes from the library: uploaded first, then named in its input."""

import wave
from io import BytesIO

from django.core.files.uploadedfile import SimpleUploadedFile

from generation.models import Job, Status
from tests.generation.running import ended
from tests.storage.pictures import picture
from tests.storage.recordings import recording


def test_an_uploaded_recording_is_transcribed(api, funded, runner):
    # given
    audio = upload(api, spoken(seconds=2))
    assert (audio["kind"], audio["durationSeconds"], audio["channels"]) == ("audio", 2, 1)

    # when
    job = ended(Job.objects.get(pk=transcribe(api, audio["id"]).json()["jobId"]), runner)

    # then
    assert job.status == Status.SUCCEEDED
    output = api.get(f"/v1/jobs/{job.pk}").json()["output"]
    assert output["text"][0].startswith("2.0 s of audio, mono, 8 kHz. Sound at 0.0-2.0 s;")
    assert output["data"]["seconds"] == 2


def test_a_recording_the_provider_cannot_hear_costs_nothing(api, funded, runner):
    audio = upload(api, recording("mp3"))

    job = ended(Job.objects.get(pk=transcribe(api, audio["id"]).json()["jobId"]), runner)

    assert (job.status, job.error_code, job.charged_credits) == (Status.FAILED, "bad_input", 0)


def test_a_picture_is_not_transcribed(api, funded):
    response = transcribe(api, upload(api, picture())["id"])

    assert (response.status_code, response.json()["code"]) == (422, "wrong_asset_kind")
    assert response.json()["errors"][0]["pointer"] == "/input/audio"


def transcribe(api, asset_id):
    body = {
        "operation": "transcribe",
        "model": "sandbox/v1",
        "input": {"audio": asset_id, "sandbox": {"latencySeconds": 0}},
    }
    return api.post("/v1/jobs", body, format="json")


def upload(api, content):
    response = api.post("/v1/assets", {"file": SimpleUploadedFile("upload", content)}, format="multipart")
    assert response.status_code == 201
    return response.json()


def spoken(seconds):
    buffer = BytesIO()
    with wave.open(buffer, "wb") as output:
        output.setparams((1, 2, 8_000, 0, "NONE", ""))
        output.writeframes(b"\x00\x20\x00\xe0" * (4_000 * seconds))
    return buffer.getvalue()
