"""`GET /v1/assets?limit=100` of an organization with a million assets, beside the bare query on one connection.

The assets are of some eleven months, nine in ten of them pictures of jobs with two thumbnails each, with tags, stars
and prompts of which some words are in every second and some in one of ten thousand. What is asked for: the first page,
one from the middle, and pages by kind, tag, star and words, common and rare.
"""

from collections.abc import Mapping
from functools import partial
from urllib.parse import urlencode

import psycopg

from bench.links import burst, postgres_pid, read
from bench.results import Result
from bench.scale import Files
from bench.site import Site
from bench.timing import timed
from bench.transfers import Door
from config.embedded import ports

LIMIT = 100
# Each of web's processes meets each question.
_WARM_UPS = 5
_EVERY = "30 seconds"
_SEED = """
-- Rows that fit together need no proof of it, six million times.
SET session_replication_role = replica;
CREATE TEMP TABLE made AS
  SELECT n, uuidv7(-(n * interval '{every}')) AS asset, uuidv7(-(n * interval '{every}')) AS blob,
         now() - n * interval '{every}' AS at, n % 10 <> 0 AS is_picture
  FROM generate_series(1, {count}) n;

INSERT INTO storage_blob (id, organization_id, state, sha256, size_bytes, content_type, object_key, multipart_id,
    width, height, "references", created_at)
  SELECT blob, '{organization}', 'living', sha256(n::text::bytea), 1_500_000,
    CASE WHEN is_picture THEN 'image/png' ELSE 'audio/wav' END, 'blobs/' || gen_random_uuid(), '',
    CASE WHEN is_picture THEN 1024 END, CASE WHEN is_picture THEN 1024 END, 1, at FROM made;

INSERT INTO storage_rendition (id, blob_id, variant, state, object_key, content_type, sha256, size_bytes, width,
    height, created_at)
  SELECT uuidv7(), blob, 'webp-' || wide, 'ready', 'renditions/' || gen_random_uuid(), 'image/webp',
    sha256((n || ':' || wide)::bytea), 30_000, wide, wide, at
  FROM made CROSS JOIN (VALUES (320), (640)) widths (wide) WHERE is_picture;

INSERT INTO storage_asset (id, organization_id, user_id, blob_id, kind, status, filename, job_id, job_index,
    operation, model, prompt, tags, is_public, legal_hold, created_at)
  SELECT asset, '{organization}', '{user}', blob, CASE WHEN is_picture THEN 'image' ELSE 'audio' END, 'ready',
    CASE WHEN is_picture THEN '' ELSE 'take-' || n || '.wav' END,
    CASE WHEN is_picture THEN gen_random_uuid() END, CASE WHEN is_picture THEN 0 END,
    CASE WHEN is_picture THEN 'generate' ELSE '' END, CASE WHEN is_picture THEN 'sandbox/v1' ELSE '' END,
    CASE WHEN is_picture THEN
      concat_ws(' ', 'a', CASE WHEN n % 2 = 1 THEN 'lighthouse' ELSE 'harbour' END, 'at dusk, oil on canvas, study',
                'w' || n % 9973, CASE WHEN n % 9999 = 1 THEN 'kingfisher' END) ELSE '' END,
    ARRAY['set' || n % 40] || CASE WHEN n % 9999 = 1 THEN ARRAY['best'] ELSE ARRAY[]::text[] END,
    false, false, at FROM made;

INSERT INTO storage_favourite (user_id, asset_id) SELECT '{user}', asset FROM made WHERE n % 1_000 = 1;
"""
_BARE = """
SELECT a.*, b.* FROM storage_asset a JOIN storage_blob b ON b.id = a.blob_id
WHERE a.organization_id = %s AND a.deleted_at IS NULL AND a.status = 'ready'
  AND (a.expires_at IS NULL OR a.expires_at > now())
ORDER BY a.id DESC LIMIT 100
"""


def run(site: Site, files: Files, *, rounds: int) -> list[Result]:
    """Each question in turn, and the bare query among them, `rounds` times."""
    secret = site.secrets[-1]
    organization = _seed(site, files.assets)
    door = Door(base_url=f"http://{ports.LOOPBACK}:{site.ports['web']}", secret=secret)
    asked = _questions(site, door)
    params = {"assets": files.assets, "limit": LIMIT, "c": 1}
    results = {name: Result(bench="list", contender=name, params=params) for name in asked}
    bare = Result(bench="list", contender="select", params=params)
    trees = {"web": site.processes["web"].pid, "postgres": postgres_pid(site)}
    for _ in range(_WARM_UPS):
        for question in asked.values():
            door.get(question)
    for _ in range(rounds):
        for name, question in asked.items():
            results[name].add(burst(trees, partial(timed, partial(door.read, question), seconds=files.seconds)))
        with psycopg.connect(site.environment["DATABASE_URL"], autocommit=True) as connection:
            query = partial(read, connection, _BARE, (organization,))
            bare.add(burst({"postgres": trees["postgres"]}, partial(timed, query, seconds=files.seconds)))
    for result in results.values():
        result.compare(bare, "p95_ms")
    return [*results.values(), bare]


def _seed(site: Site, count: int) -> str:
    """A library of so many assets for the last of the seeded organizations; returns its id."""
    (owner,) = site.sql(
        "SELECT organization_id::text, user_id::text FROM accounts_apikey WHERE strpos(%s, public_id) > 0",
        site.secrets[-1],
    )
    organization, user = (str(each) for each in owner)
    if site.figure(f"SELECT count(*) FROM storage_asset WHERE organization_id = '{organization}'"):
        return organization
    # Built in one go afterwards, it takes seconds instead of minutes.
    (index,) = site.sql("SELECT pg_get_indexdef('asset_found'::regclass)")[0]
    site.sql("DROP INDEX asset_found")
    site.sql(_SEED.format(count=count, organization=organization, user=user, every=_EVERY))
    site.sql(str(index))
    # As autovacuum does within its first minutes.
    site.sql("VACUUM ANALYZE storage_asset, storage_blob, storage_rendition, storage_favourite")
    return organization


def _questions(site: Site, door: Door) -> dict[str, str]:
    """Paths that ask the list for a page, by name."""
    (middle,) = site.sql(
        'SELECT to_char(max(created_at) - (max(created_at) - min(created_at)) / 2, \'YYYY-MM-DD"T"HH24:MI:SS"Z"\')'
        " FROM storage_asset"
    )[0]
    cursor = door.get(f"/v1/assets?{urlencode({'limit': 1, 'until': str(middle)})}")["next"]
    narrowed: dict[str, Mapping[str, str | int]] = {
        "first page": {},
        "from the middle": {"cursor": cursor},
        "kind": {"kind": "audio"},
        "common tag": {"tag": "set7"},
        "rare tag": {"tag": "best"},
        "favourite": {"favourite": "true"},
        "common word": {"q": "lighthouse"},
        "rare word": {"q": "kingfisher"},
        "two words": {"q": "harbour w123", "kind": "image"},
    }
    return {name: f"/v1/assets?{urlencode({'limit': LIMIT, **question})}" for name, question in narrowed.items()}
