"""What the address of a posting says: which board it is on, and its id there.

Only addresses are read; nothing is fetched.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from jobstore.exchange.cells import digest

# Hosts on which companies keep their boards, by the last parts of the name.
_VENDORS = {
    "greenhouse.io": "greenhouse",
    "lever.co": "lever",
    "ashbyhq.com": "ashby",
    "myworkdayjobs.com": "workday",
    "myworkdaysite.com": "workday",
    "smartrecruiters.com": "smartrecruiters",
    "workable.com": "workable",
    "recruitee.com": "recruitee",
    "teamtailor.com": "teamtailor",
    "bamboohr.com": "bamboohr",
    "breezy.hr": "breezy",
    "personio.de": "personio",
    "personio.com": "personio",
    "jobvite.com": "jobvite",
    "icims.com": "icims",
    "applytojob.com": "jazzhr",
    "rippling.com": "rippling",
    "pinpointhq.com": "pinpoint",
    "eightfold.ai": "eightfold",
    "oraclecloud.com": "oracle",
}

# Where boards put the id of a posting: the host's name, and the address after the host.
_IDS = (
    ("linkedin", re.compile(r"/jobs/view/(?:[^/?#]*-)?(\d+)(?:[/?#]|$)")),
    ("linkedin", re.compile(r"[?&]currentJobId=(\d+)")),
    ("indeed", re.compile(r"[?&]jk=([0-9a-f]+)")),
    ("glassdoor", re.compile(r"[?&](?:jobListingId|jl)=(\d+)")),
    ("greenhouse", re.compile(r"[?&]gh_jid=(\d+)")),
    ("greenhouse", re.compile(r"/jobs/(\d+)(?:[/?#]|$)")),
)

_LONGEST_KEY = 255

# Parameters that say how a reader came to the page, not which page it is.
_TRACKING = re.compile(
    r"utm_\w+|gclid|fbclid|msclkid|mc_[ce]id|trk|trackingid|refid|_hs\w+", re.IGNORECASE
)


def host(url: str) -> str | None:
    """Return the host of a web address, without ``www.``; ``None`` if it has none."""
    try:
        name = urlsplit(url).hostname
    except ValueError:
        return None
    return name.removeprefix("www.") if name else None


def vendor(url: str) -> str | None:
    """Return the kind of company board an address belongs to, such as ``greenhouse``.

    A company's own page that shows a Greenhouse posting carries its id as ``gh_jid``.
    """
    if re.search(r"[?&]gh_jid=\d", url):
        return "greenhouse"
    parts = (host(url) or "").split(".")
    return _VENDORS.get(".".join(parts[-2:]))


def id_in(url: str) -> str:
    """Return the id of a posting by its address: the board's own where its place is known, else
    the address without fragment and tracking parameters."""
    name = vendor(url) or host(url) or ""
    for board, pattern in _IDS:
        if board in name and (found := pattern.search(url)):
            return found.group(1)
    return short_key(without_tracking(url))


def short_key(text: str) -> str:
    """Return the text itself, or its digest where it is too long for a key."""
    return text if len(text) <= _LONGEST_KEY else digest([text])


def without_tracking(url: str) -> str:
    """Return the address without its fragment and the parameters that only track readers."""
    try:
        parts = urlsplit(url.strip())
        pairs = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return url
    kept = [(key, value) for key, value in pairs if not _TRACKING.fullmatch(key)]
    query = parts.query if len(kept) == len(pairs) else urlencode(kept)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
