"""English news of the same ten classes, under the same Chinese class names."""

from __future__ import annotations

from finetrie.data.sample.grammar import Topic, plans, topic


def _topic(label: str, words: dict[str, str], headlines: str, sentences: str) -> Topic:
    return topic(label, {kind: block.replace(", ", "|") for kind, block in words.items()}, headlines, sentences)


TOPICS = (
    _topic(
        "体育",
        {
            "game": "football, tennis, swimming, rowing, cycling, boxing",
            "win": "beat, edged past, drew with, lost to, knocked out",
        },
        "{ORG} {win} {ORG2} in {game} final.\nInjured {PER} to miss the {game} season.",
        """
        {ORG} {win} {ORG2} at {LOC} on {day}.
        Coach {PER} praised the {game} squad after the match in {GPE}.
        {PER} won the {game} title in {GPE} for the second time.
        Striker {PER} scored late as {ORG} {win} {ORG2}.
        The {game} league opens in {GPE} with {n} players.
        """,
    ),
    _topic(
        "财经",
        {
            "asset": "shares, bonds, gold, oil, bank stocks, treasury notes",
            "move": "rose, fell, rallied, slipped, hit a yearly high",
        },
        "{ORG} profit up {pct}.\n{asset} {move} in {GPE}.",
        """
        {ORG} said its net profit reached {money}, a change of {pct}.
        In {GPE}, {asset} {move} after the inflation report.
        Analyst {PER} of {ORG} expects interest rates to fall.
        {ORG} agreed to buy {ORG2} for {money}.
        Investors led by {PER} called for a higher dividend.
        """,
    ),
    _topic(
        "科技",
        {
            "thing": "chip, robot, satellite, drone, language model, sensor",
            "do": "passed its first test, entered production, was open-sourced, set a record",
        },
        "{ORG} unveils new {thing}.\n{PER} joins {ORG} to build a {thing}.",
        """
        {ORG} showed a {thing} in {GPE} on {day}; it {do}.
        Engineer {PER} said the {thing} uses {pct} less power.
        A software flaw at {ORG} exposed {n} accounts.
        The {thing} developed by {PER} {do}.
        {ORG} and {ORG2} will share code for the {thing}.
        """,
    ),
    _topic(
        "教育",
        {
            "who": "students, pupils, freshmen, graduates, teachers",
            "what": "final exams, admissions, reading classes, scholarships, language courses",
        },
        "{ORG} expands {what}.\n{GPE} reforms {what}.",
        """
        {ORG} will offer {what} to {n} {who} next term.
        Headteacher {PER} told {who} in {GPE} to read every day.
        {who} at {ORG} began {what} on {day}.
        Professor {PER} moved the class to {LOC}.
        Schools in {GPE} changed the rules for {what}.
        """,
    ),
    _topic(
        "健康",
        {
            "ill": "flu, diabetes, asthma, high blood pressure, insomnia",
            "cure": "vaccination, surgery, early screening, a new drug, regular exercise",
        },
        "{ORG} tests {cure} against {ill}.\nDoctors in {GPE} warn of {ill}.",
        """
        Doctor {PER} of {ORG} advised patients with {ill} to consider {cure}.
        {GPE} reported {n} cases of {ill} on {day}.
        A trial at {ORG} found that {cure} helped {pct} of patients.
        Nurse {PER} opened a clinic near {LOC}.
        {ORG} and {ORG2} will study {cure} for {ill}.
        """,
    ),
    _topic(
        "娱乐",
        {
            "work": "film, album, musical, drama series, documentary",
            "praise": "sold out, topped the charts, divided critics, won an award",
        },
        "New {work} by {PER} {praise}.\n{PER} and {PER2} to star in {work}.",
        """
        The {work} directed by {PER} opened in {GPE} and {praise}.
        Singer {PER} performed at {LOC} on {day}.
        {ORG} said its latest {work} {praise}.
        Actor {PER} will play opposite {PER2} in a {work}.
        Fans queued in {GPE} for the {work} premiere.
        """,
    ),
    _topic(
        "旅游",
        {
            "spot": "beach, museum, hotel, old town, ski resort",
            "do": "cut ticket prices, opened early, limited visitors, added night tours",
        },
        "Visitors return to {LOC}.\n{ORG} adds flights to {GPE}.",
        """
        The {spot} at {LOC} {do} on {day}.
        {GPE} welcomed {n} thousand tourists during the holiday.
        Guide {PER} leads walks around {LOC}.
        {ORG} will fly from {GPE} to {GPE2} from {day}.
        Travellers to {GPE} booked {pct} more rooms at {ORG}.
        """,
    ),
    _topic(
        "汽车",
        {
            "car": "sedan, electric car, pickup, truck, hybrid, sports car",
            "part": "brakes, battery, gearbox, airbags, tyres",
        },
        "{ORG} recalls {car} over {part}.\n{ORG} {car} sales jump {pct}.",
        """
        {ORG} launched its {car} in {GPE} on {day}.
        {ORG} recalled {n} vehicles because of faulty {part}.
        Test driver {PER} liked the {part} of the {car}.
        The {ORG} plant in {GPE} built its first {car}.
        {ORG} will buy {part} from {ORG2}.
        """,
    ),
    _topic(
        "房产",
        {
            "home": "flats, new homes, offices, villas, social housing",
            "rule": "mortgage rates, rents, stamp duty, land prices",
        },
        "{rule} fall in {GPE}.\n{ORG} sells {home} near {LOC}.",
        """
        {rule} in {GPE} changed by {pct} last month.
        {ORG} finished {n} {home} close to {LOC}.
        Buyer {PER} waited a year for the keys from {ORG}.
        Tenants led by {PER} complained about {rule}.
        {ORG} paid {money} for a building site in {GPE}.
        """,
    ),
    _topic(
        "农业",
        {
            "crop": "wheat, rice, apples, maize, potatoes, grapes",
            "do": "set a record, suffered from drought, came early, fetched higher prices",
        },
        "{crop} harvest in {GPE} {do}.\n{ORG} helps growers of {crop}.",
        """
        The {crop} harvest in {GPE} {do}.
        Farmer {PER} planted {n} hectares of {crop} near {LOC}.
        {ORG} bought {crop} from {n} growers on {day}.
        Adviser {PER} showed drip irrigation for {crop}.
        Heavy rain in {GPE} delayed the sowing of {crop}.
        """,
    ),
)

NEUTRAL = plans(
    """
    {PER} did not comment.
    {PER2} was also present.
    Details will follow next month.
    The event near {LOC} drew {n} people.
    {ORG2} said it would continue its support.
    A similar step was taken in {GPE2} last year.
    The figure is {pct} above last year.
    Opinions online were divided.
    The plan costs about {money}.
    {PER}, from {GPE2}, called it a first step.
    """
)

BRIDGES: dict[tuple[str, ...], list[str]] = {
    ("体育", "健康"): plans("{PER} returned to training after knee surgery.\n{GPE} opened {n} running tracks."),
    ("财经", "房产"): plans("Lower rates helped {ORG} sell more.\n{ORG} raised {money} to repay loans."),
    ("财经", "汽车"): plans("Shares of {ORG} fell as sales dropped {pct}.\n{ORG} plans to list in {GPE}."),
    ("科技", "汽车"): plans(
        "{ORG} tested self-driving software near {LOC}.\nA new battery from {ORG} lasts {pct} longer."
    ),
    ("科技", "教育"): plans("{ORG} gave {n} computers to schools in {GPE}.\nProfessor {PER} taught a robot to read."),
    ("娱乐", "旅游"): plans("A music festival filled the hotels of {GPE}.\n{LOC} became popular after the film."),
    ("旅游", "农业"): plans("Visitors picked fruit near {LOC}.\n{PER} opened a farm guesthouse in {GPE}."),
    ("健康", "农业"): plans("{GPE} tested {n} samples of vegetables.\n{ORG} sells low-sugar rice."),
}
