"""Price list files, served to anyone as AWS's own: offer files of a Region, and which Regions there are."""

import re
from typing import Any

import orjson

from bedrock_lab.catalogue.names import CODES
from bedrock_lab.local.engine import Engine
from bedrock_lab.local.services.pricelist_listing import FORM, listing, version_of

PATH = re.compile(r"/offers/v1\.0/aws/(\w+)/(current|\d+)/(?:([\w-]+)/index|(region_index))\.json")
CURRENT = "current"
HINT = b'{"message":"Known is /offers/v1.0/aws/<service code>/<version or current>/<region>/index.json."}'


async def answer(engine: Engine, scope: Any, send: Any) -> None:
    """Answer a request under ``/offers/``."""
    body = await _file(engine, scope["path"]) if scope["method"] == "GET" else None
    status, body = (404, HINT) if body is None else (200, body)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _file(engine: Engine, path: str) -> bytes | None:
    asked = PATH.fullmatch(path)
    if asked is None or asked[1] not in CODES:
        return None
    code, version, region, index = asked.groups()
    now = engine.now()
    held = listing(engine, code, now.date()) if version == CURRENT else version_of(engine, code, version, now)
    found = await held
    if found is None or (region not in found.by_region and not index):
        return None
    if not index:
        return orjson.dumps(await found.file(region))
    regions = {
        name: {
            "regionCode": name,
            "currentVersionUrl": f"/offers/v1.0/aws/{code}/{found.version}/{name}/index.json",
        }
        for name in sorted(found.by_region)
    }
    return orjson.dumps({"formatVersion": FORM, "publicationDate": found.stamp["publicationDate"], "regions": regions})
