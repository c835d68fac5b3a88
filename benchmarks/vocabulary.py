"""The words that the generator writes postings with: English ones by hand, the rest made up.

Only lists and the making of words live here; how they are put together is in
:mod:`benchmarks.generator`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator


def _listed(words: str) -> tuple[str, ...]:
    return tuple(words.split())


# By how often they occur, as in any English text; then the words of job advertisements.
FUNCTION_WORDS = _listed(
    "and the to of in a with for our you is we will are on your as or be that have an this from "
    "by at all who it their can work not who us has more other any these into which they but "
    "its within across through what how also may about when if you'll we're such do up out so"
)
JOB_WORDS = _listed(
    "experience team skills working business development management support role customer "
    "company opportunity years clients service required ability environment position including "
    "strong data technical quality knowledge solutions training project design projects "
    "products systems responsible communication information health benefits employees "
    "requirements performance time people job services opportunities teams process degree "
    "provide insurance sales equal growth employment related help customers responsibilities "
    "qualifications technology professional product care best global leadership make "
    "preferred new manage operations industry candidates apply career status building "
    "culture learning planning full great values based safety research marketing salary "
    "develop education bachelor ensure understanding lead engineering financial paid world "
    "tools key needs digital life diversity innovation success plan work-life join pay using "
    "internal success level minimum disability stakeholders plus analysis standards day "
    "individuals high processes candidate excellent offer remote program national "
    "practices flexible office maintain building problem-solving reporting inclusive part "
    "organization hands-on meet complex detail fast-paced strategic policies community "
    "written verbal create results impact daily drive multiple annual applicants review "
    "partner colleagues vacation package competitive bonus pension gender race religion age "
    "veteran orientation background check authorized sponsorship schedule weekend travel"
)

# Words of one line of work, which the others never use.
SECTORS: dict[str, tuple[str, ...]] = {
    "Software Development": _listed(
        "software code cloud python java kubernetes backend frontend api database docker "
        "microservices agile linux javascript C++ C# .NET Node.js react typescript terraform "
        "aws azure latency deployment pipeline repository refactoring compiler distributed"
    ),
    "Hospitals and Health Care": _listed(
        "patient clinical nurse hospital medical treatment therapy diagnosis ward licensure "
        "bedside medication surgery physician pharmacy rehabilitation pediatric oncology "
        "triage caregiver vaccination dosage anesthesia radiology immunization"
    ),
    "Retail": _listed(
        "store merchandise cashier shelf shopper inventory checkout stockroom fitting apparel "
        "grocery footwear visual register loyalty upselling replenishment markdown planogram"
    ),
    "Financial Services": _listed(
        "audit portfolio accounting ledger tax banking equity credit loan treasury reconciliation "
        "hedge actuarial underwriting compliance securities fiduciary amortization derivatives"
    ),
    "Manufacturing": _listed(
        "machine production assembly welding tolerance lathe forklift lean shopfloor maintenance "
        "hydraulic blueprint fabrication conveyor calibration metrology injection stamping"
    ),
    "Education": _listed(
        "student classroom teacher curriculum school pupil lesson tutoring literacy faculty "
        "kindergarten syllabus campus pedagogy enrolment assessment semester lecturer"
    ),
    "Logistics": _listed(
        "warehouse driver freight delivery dispatch carrier pallet route shipment customs "
        "trucking cargo picking courier fleet port haulage tachograph container"
    ),
    "Hospitality": _listed(
        "guest kitchen restaurant chef hotel menu barista housekeeping reservation banquet "
        "beverage catering sommelier pastry reception bartender cuisine dishwashing"
    ),
    "Advertising": _listed(
        "campaign brand content social seo copywriting audience media influencer creative "
        "newsletter engagement storyboard advertising conversion persona typography"
    ),
    "Construction": _listed(
        "site concrete contractor scaffolding plumbing electrical carpentry excavation crane "
        "surveyor roofing masonry drywall estimator permit foundation asphalt formwork"
    ),
}
# Titles are a seniority, a field of the sector and a role of it.
SENIORITIES = (
    "", "Senior", "Junior", "Lead", "Principal", "Staff", "Associate", "Head of", "Assistant",
    "Interim", "Graduate", "Regional",
)  # fmt: skip
ROLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Software Development": (
        ("Software", "Data", "Backend", "Frontend", "Cloud", "Platform", "C++", "Machine Learning",
         "Java", "DevOps", ".NET", "Site Reliability", "Security", "Mobile", "Embedded", "QA"),
        ("Engineer", "Developer", "Architect", "Analyst", "Manager", "Scientist", "Tester"),
    ),
    "Hospitals and Health Care": (
        ("Registered", "Travel", "Clinical", "Pediatric", "Surgical", "Home Health", "ICU",
         "Physical", "Emergency", "Dental"),
        ("Nurse", "Therapist", "Physician", "Assistant", "Technician", "Care Worker"),
    ),
    "Retail": (
        ("Store", "Retail", "Sales", "Grocery", "Night", "Merchandise", "Customer Service"),
        ("Associate", "Manager", "Cashier", "Supervisor", "Representative", "Consultant"),
    ),
    "Financial Services": (
        ("Financial", "Tax", "Credit", "Risk", "Investment", "Payroll", "Audit", "Treasury"),
        ("Analyst", "Accountant", "Manager", "Controller", "Advisor", "Auditor"),
    ),
    "Manufacturing": (
        ("Production", "Process", "Maintenance", "Mechanical", "Quality", "CNC", "Industrial"),
        ("Engineer", "Operator", "Technician", "Supervisor", "Welder", "Planner"),
    ),
    "Education": (
        ("Primary School", "Mathematics", "Special Education", "English", "Science", "Research"),
        ("Teacher", "Lecturer", "Tutor", "Principal", "Assistant", "Coordinator"),
    ),
    "Logistics": (
        ("Warehouse", "Delivery", "Truck", "Supply Chain", "Logistics", "Fleet", "Night Shift"),
        ("Driver", "Worker", "Coordinator", "Manager", "Dispatcher", "Planner"),
    ),
    "Hospitality": (
        ("Executive", "Pastry", "Hotel", "Front Desk", "Restaurant", "Banquet", "Bar"),
        ("Chef", "Manager", "Host", "Server", "Receptionist", "Bartender"),
    ),
    "Advertising": (
        ("Digital Marketing", "Content", "Brand", "Social Media", "Growth", "Product", "SEO"),
        ("Manager", "Specialist", "Strategist", "Director", "Designer", "Copywriter"),
    ),
    "Construction": (
        ("Site", "Electrical", "Civil", "Construction", "Project", "Structural", "HVAC"),
        ("Engineer", "Manager", "Electrician", "Carpenter", "Foreman", "Estimator"),
    ),
}  # fmt: skip
CITIES = (
    ("New York, NY", "US"), ("London", "GB"), ("Berlin", "DE"), ("Bengaluru", "IN"),
    ("San Francisco, CA", "US"), ("Paris", "FR"), ("Chicago, IL", "US"), ("Toronto, ON", "CA"),
    ("Austin, TX", "US"), ("Singapore", "SG"), ("Amsterdam", "NL"), ("Boston, MA", "US"),
    ("München", "DE"), ("Seattle, WA", "US"), ("Madrid", "ES"), ("Dublin", "IE"),
    ("Atlanta, GA", "US"), ("Sydney", "AU"), ("Zürich", "CH"), ("Warszawa", "PL"),
    ("Los Angeles, CA", "US"), ("Stockholm", "SE"), ("São Paulo", "BR"), ("Mexico City", "MX"),
    ("Dallas, TX", "US"), ("Hamburg", "DE"), ("Manchester", "GB"), ("Denver, CO", "US"),
    ("Kraków", "PL"), ("Tokyo", "JP"), ("Lisboa", "PT"), ("Lyon", "FR"), ("Milano", "IT"),
    ("Barcelona", "ES"), ("Montréal, QC", "CA"), ("Melbourne", "AU"), ("København", "DK"),
    ("Portland, OR", "US"), ("Köln", "DE"), ("Brno", "CZ"), ("Wien", "AT"), ("Tel Aviv", "IL"),
)  # fmt: skip
COMPANY_ENDINGS = ("Inc.", "GmbH", "Ltd", "Group", "Labs", "Solutions", "& Co.", "", "", "", "AG")

_ONSETS = _listed(
    "b c d f g h j k l m n p r s t v w z br ch cl dr fl gr kl pl pr sh sl st str th tr"
)
_NUCLEI = _listed("a e i o u a e i o ai ea ou ie")
_CODAS = _listed("n r s t l m d k x nd st rt ng")


def made_up_words(count: int, chance: random.Random, taken: set[str]) -> list[str]:
    """Return ``count`` pronounceable words, none of them in ``taken``, and add them there."""
    found: list[str] = []
    for word in _made_up(chance):
        if word not in taken:
            taken.add(word)
            found.append(word)
            if len(found) == count:
                break
    return found


def _made_up(chance: random.Random) -> Iterator[str]:
    pick = chance.choice
    while True:
        syllables = chance.choices((1, 2, 3, 4), (1, 8, 8, 3))[0]
        word = "".join(pick(_ONSETS) + pick(_NUCLEI) for _ in range(syllables))
        yield word + (pick(_CODAS) if chance.random() < 0.6 else "")
