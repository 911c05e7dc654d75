from tests.accounts.clients import APP


async def test_bodies_are_held_to_the_same_rules_under_asgi(async_client):
    # when
    refused = await async_client.post(f"{APP}/auth/login", b"[" * 100_000, content_type="application/json")
    passed = await async_client.post(f"{APP}/nothing", b"{}", content_type="application/json")

    # then
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["code"] == "malformed_json"
    assert passed.status_code == 404


def test_other_paths_are_left_alone(client, db):
    assert client.post("/v1/me", b"{", content_type="application/json").json()["code"] == "not_authenticated"
