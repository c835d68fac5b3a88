"""Writes examples/postings.jsonl: 500 made-up postings for demonstrations and tests.

Run it as ``python examples/generate_postings.py``. The same seed gives the same file on every
machine; a test compares the two. The texts are in phrases.json. Every company is invented,
every address ends in ``.example`` (RFC 2606) and every posting says ``"made_up": true``.
Needs nothing but the standard library.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import unicodedata
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

SEED = 20251003
FOLDER = Path(__file__).resolve().parent
FIRST_DAY = datetime(2025, 9, 1, tzinfo=UTC)
DAYS = 92

# Each board numbers its postings in a way of its own; the second one gives only the day.
BOARDS = ["fjordboard.example", "workwall.example", "openroles.example", "talentpier.example"]
PAY_BY_LEVEL = {
    "internship": 0.45,
    "entry": 0.75,
    "associate": 1.0,
    "mid_senior": 1.35,
    "director": 1.8,
    "executive": 2.6,
}
OFFICE_WORK = {"Software", "Research", "Marketing", "Financial Services", "Customer Service"}
PERIODS_PER_YEAR = {"hour": 2080, "day": 260, "week": 52, "month": 12, "year": 1}
COMPANY_SIZES = ["1-10", "11-50", "51-200", "201-500", "501-1,000", "1,001-5,000"]


def postings(seed: int = SEED) -> Iterator[dict[str, Any]]:
    """Yield the postings in the order of the file; the same ``seed`` gives the same ones."""
    chance = random.Random(seed)
    blocks = json.loads((FOLDER / "phrases.json").read_text(encoding="utf-8"))
    made: list[dict[str, Any]] = []
    for block in blocks:
        for index in range(block["share"]):
            # Some openings stand on two boards, as they do in the field.
            if index and chance.random() < 0.03:
                made.append(_cross_posted(chance, made[-1]))
            else:
                made.append(_posting(chance, block))
    chance.shuffle(made)
    yield from made


def _posting(chance: random.Random, block: dict[str, Any]) -> dict[str, Any]:
    weights = [place.get("weight", 1) for place in block["places"]]
    place = chance.choices(block["places"], weights)[0]
    role = chance.choice(block["roles"])
    title, level = chance.choice(role["titles"])
    company = chance.choice(role.get("companies", block["companies"]))
    city = chance.choice(place["cities"])
    workplace = chance.choices(
        ["onsite", "hybrid", "remote", None],
        [6, 6, 4, 4] if role["industry"] in OFFICE_WORK else [8, 0, 0, 3],
    )[0]
    board = chance.choice(BOARDS)
    key = _key(chance, board)
    site = f"https://{_slug(company, block)}.example"
    posted = FIRST_DAY + timedelta(days=chance.randrange(DAYS), seconds=chance.randrange(86_400))
    if board == "workwall.example":
        posted = posted.replace(hour=0, minute=0, second=0)
    offers = chance.sample(block["offers"], chance.randint(2, 4))
    posting: dict[str, Any] = {
        "source": board,
        "source_job_id": key,
        "title": title,
        "company": company,
        "location": f"Remote, {place['country']}" if workplace == "remote" else city,
        "country": place["country"],
        "workplace": workplace,
        "employment_type": _employment_type(chance, role["industry"], title, level),
        "experience_level": _sometimes(chance, 0.85, level),
        "industry": _sometimes(chance, 0.9, role["industry"]),
        "description": _description(chance, block, role, title, company, city, workplace, offers),
        "skills": sorted(
            chance.sample(role["skills"], min(len(role["skills"]), chance.randint(2, 5)))
        ),
        **_salary(chance, block, place, role["pay"] * PAY_BY_LEVEL[level]),
        "url": f"https://{board}/jobs/{key}",
        "apply_url": _sometimes(chance, 0.6, f"{site}/apply/{key}"),
        "company_url": _sometimes(chance, 0.7, site),
        "company_size": _sometimes(chance, 0.5, chance.choice(COMPANY_SIZES)),
        "applicant_count": _sometimes(chance, 0.6, int(chance.expovariate(1 / 38))),
        "posted_at": _sometimes(chance, 0.88, _iso(posted)),
        "expires_at": _sometimes(
            chance, 0.3, _iso(posted + timedelta(days=chance.choice([30, 45, 60])))
        ),
        "attributes": {"made_up": True, "language": block["language"], "benefits": offers},
    }
    return {name: value for name, value in posting.items() if value is not None}


def _cross_posted(chance: random.Random, posting: dict[str, Any]) -> dict[str, Any]:
    """Return the same opening as another board shows it: shorter, and under its own number."""
    board = chance.choice([name for name in BOARDS if name != posting["source"]])
    key = _key(chance, board)
    copy = posting | {"source": board, "source_job_id": key, "url": f"https://{board}/jobs/{key}"}
    for name in ("apply_url", "company_size", "applicant_count", "salary_text"):
        copy.pop(name, None)
    return copy


def _key(chance: random.Random, board: str) -> str:
    if board == "fjordboard.example":
        return str(chance.randrange(3_700_000_000, 3_900_000_000))
    if board == "workwall.example":
        return f"{chance.getrandbits(64):016x}"
    if board == "openroles.example":
        return f"REQ-2025-{chance.randrange(10_000, 99_999)}"
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def _description(
    chance: random.Random,
    block: dict[str, Any],
    role: dict[str, Any],
    title: str,
    company: str,
    city: str,
    workplace: str | None,
    offers: list[str],
) -> str:
    words = {
        "title": title,
        "a_title": f"{'an' if title[0] in 'AEIOU' else 'a'} {title}",
        "company": company,
        "city": city,
        "staff": chance.choice([8, 12, 25, 40, 60, 90, 140, 300]),
        "year": chance.randrange(1952, 2021),
    }
    opening = chance.choice(block["intro"]).format(**words)
    parts = [opening]
    for name, most in (("duties", 5), ("needs", 4)):
        lines = chance.sample(role[name], min(len(role[name]), chance.randint(3, most)))
        parts.append(
            "\n".join([chance.choice(block[f"{name}_heading"]), *(f"- {x}" for x in lines)])
        )
    parts.append("\n".join([chance.choice(block["offers_heading"]), *(f"- {x}" for x in offers)]))
    if workplace:
        parts.append(chance.choice(block["workplace"][workplace]).format(**words))
    parts.append(chance.choice(block["closing"]))
    return "\n\n".join(parts)


def _employment_type(chance: random.Random, industry: str, title: str, level: str) -> str | None:
    if level == "internship":
        return "internship"
    if "part-time" in title:
        return "part_time"
    if "seasonal" in title:
        return "temporary"
    kinds = ["full_time", "part_time", "contract", "temporary", "per_diem", None]
    per_diem = 6 if industry == "Hospitals and Health Care" else 0
    return chance.choices(kinds, [74, 9, 8, 3, per_diem, 5])[0]


def _salary(
    chance: random.Random, block: dict[str, Any], place: dict[str, Any], pay: float
) -> dict[str, Any]:
    """Return the salary fields: half of the postings state none, a few only one end."""
    if chance.random() < 0.45:
        return {}
    period = chance.choice(place["periods"])
    middle = pay * place["scale"] * chance.uniform(0.88, 1.12) / PERIODS_PER_YEAR[period]
    low, high = (_round(middle * factor, period) for factor in (0.92, 1.1))
    style = block["salary"]
    text = style["text"].format(
        currency=place["currency"],
        per=style["per"][period],
        low=_amount(low, style["group"]),
        high=_amount(high, style["group"]),
    )
    salary: dict[str, Any] = {
        "salary_min": low,
        "salary_max": high,
        "salary_currency": place["currency"],
        "salary_period": period,
    }
    kind = chance.random()
    if kind < 0.12:
        del salary["salary_max"]
    elif kind < 0.18:
        del salary["salary_min"]
    elif kind < 0.7:
        salary["salary_text"] = text
    return salary


def _round(amount: float, period: str) -> int | float:
    """Round as advertisements do: two leading digits and a half, or quarters for small pay."""
    if period == "hour" and amount < 200:
        quarters = round(amount * 4)
        return quarters / 4 if quarters % 4 else quarters // 4
    step = 10 ** max(0, len(str(int(amount))) - 2)
    half = max(1, step // 2)
    return int(round(amount / half) * half)


def _amount(value: int | float, group: str) -> str:
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
    return text if group == "," else text.replace(".", "·").replace(",", group).replace("·", ",")


def _sometimes(chance: random.Random, share: float, value: Any) -> Any:
    return value if chance.random() < share else None


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _slug(company: str, block: dict[str, Any]) -> str:
    plain = unicodedata.normalize("NFKD", company.replace("ł", "l")).encode("ascii", "ignore")
    slug = re.sub(r"[^a-z0-9]+", "-", plain.decode().lower()).strip("-")
    number = sum(company.encode()) % 1000
    return slug if len(slug) > 4 else f"company-{block['language']}-{number}"


def main() -> None:
    """Write the file, or the one that is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--output", type=Path, default=FOLDER / "postings.jsonl")
    options = parser.parse_args()
    with options.output.open("w", encoding="utf-8", newline="\n") as file:
        for posting in postings(options.seed):
            file.write(json.dumps(posting, ensure_ascii=False) + "\n")
    print(f"wrote {options.output}", file=sys.stderr)


if __name__ == "__main__":
    main()
