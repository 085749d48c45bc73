"""Tags of what is made on AWS, checked before they are sent."""

import re
from collections.abc import Mapping

from bedrock_lab.errors import InputError

TAG = re.compile(r"[a-zA-Z0-9\s._:/=+@-]*")
MOST_TAGS = 200


def checked_tags(tags: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    """Return tags by key, or refuse what AWS would refuse.

    >>> checked_tags({"team": "search", "app": "chat"})
    (('app', 'chat'), ('team', 'search'))
    """
    held = dict(tags or {})
    if len(held) > MOST_TAGS:
        raise InputError(f"{len(held)} tags: allowed are {MOST_TAGS}")
    for key, value in held.items():
        if not 1 <= len(key) <= 128 or len(value) > 256 or not (TAG.fullmatch(key) and TAG.fullmatch(value)):
            raise InputError(f"tag {key!r}: keys of 1 to 128, values of up to 256 letters, digits, spaces or ._:/=+@-")
        if key.lower().startswith("aws:"):
            raise InputError(f"tag {key!r}: keys that begin with aws: are AWS's own")
    return tuple(sorted(held.items()))
