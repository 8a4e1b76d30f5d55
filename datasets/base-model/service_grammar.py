"""A small public grammar of service-desk talk for the base model's corpus.

Parcels, phone contracts and web shops: dialogue in the same spirit as the
quickstart corpus, from other rules, other words and other seeds, so that the
base model knows what a customer is and still has the quickstart to learn.
The tags the scrubber writes occur here too, otherwise their embeddings would
stay at their random start.
"""

import random

ITEMS = (
    "kettle|desk lamp|winter coat|pair of boots|bookshelf|garden chair|phone case|router|set-top box|"
    "headset|coffee grinder|rucksack|tablet|keyboard|blanket|tent|bicycle pump|mirror|printer|toaster|"
    "office chair|camera strap|sleeping bag|drill|rice cooker|monitor|yoga mat|water filter|suitcase|clock"
).split("|")
COLOURS = "black|white|red|navy|green|grey|beige|silver|yellow|brown|orange|light blue".split("|")
FAULTS = (
    "arrived with a crack|does not switch on|is the wrong size|makes a loud noise|is missing a screw|"
    "was left in the rain|stopped working after two days|smells of smoke|has a scratch on the side|"
    "came without a manual|overheats|is not the colour I ordered|leaks|keeps losing the connection"
).split("|")
PLACES = (
    "the parcel shop|the depot|a neighbour|the front porch|the sorting centre|the locker at the station|"
    "the reception|the post office|the garage|the back door"
).split("|")
DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday".split("|")
MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December"
).split("|")
PLANS = "Basic|Plus|Family|Travel|Student|Unlimited|Starter|Business".split("|")
TAGS = (
    "<EMAIL>|<EMAIL>|<EMAIL>|<PHONE>|<PHONE>|<PHONE>|<IPV4>|<IPV6>|<CREDIT_CARD>|<IBAN>|<US_SSN>|"
    "<URL_CREDENTIALS>|<SECRET>"
).split("|")

TEMPLATES = (
    "Customer: My {item} {fault}. Agent: I am sorry to hear that. Would you like a refund or a new one?",
    "Customer: Where is my order? It should have been here on {day}. Agent: The courier left it at {place}.",
    "Agent: Thank you for calling. How can I help? Customer: I ordered a {colour} {item} and it {fault}.",
    "The {item} you ordered was sent on {date} and should reach you within {n} working days.",
    "Hello, I would like to return the {colour} {item}. It {fault}. Is the return free of charge?",
    "Hi, the tracking page says that my parcel is at {place}, but nobody there can find it.",
    "Your {plan} plan renews on {date}. You have used {n} of {m} gigabytes this month.",
    "Customer: I want to move from {plan} to {plan2}. Agent: That is possible from the first of {month}.",
    "Dear customer, we have received your {item} and will refund {price} within {n} days.",
    "Can you change the delivery address for order {order}? I will be at work on {day}.",
    "Agent: Is the light on the router green or red? Customer: It is red since {day} morning.",
    "Order {order}: {n} x {item}, {colour}, {price}. Status: waiting at {place}.",
    "Please write to {tag} if the {item} {fault}.",
    "Reminder: pick up your {item} at {place} before {day}, {date}.",
    "Customer: The app will not let me pay. Agent: Please try another method or call {tag}.",
    "We could not deliver the {item} on {day}. The courier will try again on {day2} between {n} and {m2}.",
    "Note: caller asks for a copy of the invoice of {date}, send it to {tag}.",
    "Agent: What is the order number? Customer: {order}. Agent: I see, it was returned from {place}.",
    "The signal at my house is weak since {day}. I am on the {plan} plan. My address is {tag}.",
    "Review: {stars} stars. The {item} is good but it {fault}. The shop answered within {n} hours.",
    "Thanks for your message. We are closed on {day} and will answer on {day2}.",
    "I paid twice for order {order}. The second payment of {price} was on {date}. Reference {tag}.",
    "Customer: Do you have the {item} in {colour}? Agent: Only in {colour2}, it costs {price}.",
    "Log: contact left {tag} and asks to be called back on {day} after {n} o'clock.",
)
PREFIXES = ("", "", "", "", "Good morning. ", "Hello. ", "Hi there, ", "[chat] ", "[mail] ", "[phone] ")
SUFFIXES = (
    "", "", "", "", " Thank you.", " Please help.", " Is that right?", " Let me know.", " Best wishes.",
    " The ticket is closed.", " We are sorry for the trouble.",
)


def sentence(rng: random.Random) -> str:
    """One text of one to three sentences."""
    n = rng.randint(2, 9)
    values = {
        "item": rng.choice(ITEMS),
        "fault": rng.choice(FAULTS),
        "colour": rng.choice(COLOURS),
        "colour2": rng.choice(COLOURS),
        "place": rng.choice(PLACES),
        "day": rng.choice(DAYS),
        "day2": rng.choice(DAYS),
        "month": rng.choice(MONTHS),
        "date": f"{rng.randint(1, 28)} {rng.choice(MONTHS)}",
        "plan": rng.choice(PLANS),
        "plan2": rng.choice(PLANS),
        "n": n,
        "m": n * rng.randint(2, 9),
        "m2": n + 2,
        "price": f"{rng.randint(3, 400)}.{rng.choice(('00', '50', '90', '95', '99'))}",
        "order": f"{rng.choice('ABKRTW')}{rng.randint(10000, 99999)}",
        "stars": rng.choice(("One", "Two", "Three", "Four", "Five")),
        "tag": rng.choice(TAGS),
    }
    body = rng.choice(TEMPLATES).format(**values)
    return rng.choice(PREFIXES) + body + rng.choice(SUFFIXES)


def texts(count: int, seed: int) -> list[str]:
    """`count` texts; the same seed gives the same texts."""
    rng = random.Random(seed)
    return [sentence(rng) for _ in range(count)]
