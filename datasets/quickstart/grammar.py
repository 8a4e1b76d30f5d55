"""The grammar of the quickstart corpus: notes of one bank and one clinic desk.

A text is made in two steps. `facts` draws what the note is about: one customer,
one day, one amount, one complaint, with the relations that hold between them
(weekday and date, fee and amount, due day and waiting time, complaint and
advice, currency and country). `expand` then walks a template: `(a|b)` is a
choice, `[name]` a rule of the grammar or a fact. Nobody here exists: the bank,
the clinic, the towns and the first names are made up.
"""

import datetime
import random
import re

# town, country, currency, branch word
TOWNS = (
    ("Brackwell", "GB", "GBP"), ("Dunmere", "GB", "GBP"), ("Hollin Quay", "GB", "GBP"),
    ("Altenrode", "DE", "EUR"), ("Steinfurth", "DE", "EUR"), ("Morvaux", "FR", "EUR"),
    ("Belcastre", "FR", "EUR"), ("Larksund", "SE", "SEK"), ("Vestholm", "SE", "SEK"),
    ("Cedar Fork", "US", "USD"), ("Pinemont", "US", "USD"), ("Ashby Falls", "US", "USD"),
)  # fmt: skip
NAMES = (
    "Abrel|Bettany|Corin|Dalia|Edwy|Fenna|Garet|Hesper|Ilvar|Jorun|Kestra|Lioba|Maddoc|Nerys|Oswin|"
    "Perrin|Quilla|Rowena|Sorrel|Tamsin|Ulric|Vesna|Wilmot|Ysolde|Zorah|Anselm|Brisa|Caspian|Delphie|Elowen"
).split("|")
AGENTS = "Odo|Ines|Pim|Runa|Sib|Tove|Ully|Wen|Yara|Zeb".split("|")

# what was bought, where
MERCHANTS = (
    ("groceries", "Greenstall Market"), ("groceries", "Cornerloaf"), ("fuel", "Tern Petrol"),
    ("train tickets", "Northway Rail"), ("shoes", "Coble and Last"), ("a hotel room", "Hotel Meridane"),
    ("books", "Pagewright"), ("a phone", "Voltaray"), ("furniture", "Timberhall"), ("a course", "Lumen Evening School"),
    ("flowers", "Petalry"), ("a gym pass", "Ironbark Gym"), ("concert tickets", "Stagecall"),
    ("a streaming plan", "Flickerbox"), ("pet food", "Pawsome Pantry"), ("paint", "Colourmill"),
)  # fmt: skip
# bank problem, what the desk does, queue
PROBLEMS = (
    ("the card was declined at the till", "lifted the block and asked the customer to try again", "cards"),
    ("the card was swallowed by the cash machine", "ordered a new card", "cards"),
    ("the PIN was entered wrongly three times", "sent a new PIN by post", "cards"),
    ("a contactless payment went through twice", "opened a dispute for the second payment", "disputes"),
    ("there is a payment nobody in the family made", "froze the card and opened a dispute", "disputes"),
    ("the refund has not arrived", "asked the merchant bank for proof of refund", "disputes"),
    ("a transfer is still pending", "released the transfer after a call back", "payments"),
    ("the standing order left twice", "returned the second standing order", "payments"),
    ("a direct debit came back unpaid", "explained the balance and waived the fee", "payments"),
    ("the app shows an empty account list", "reset the device link", "online"),
    ("the login code never comes", "checked the number and sent a fresh code", "online"),
    ("the statement for last month is missing", "placed the statement in the mailbox again", "online"),
    ("the mortgage rate offer has run out", "booked a talk with the loan desk", "loans"),
    ("the loan instalment was taken too early", "moved the instalment day", "loans"),
    ("the savings rate is not the one advertised", "corrected the rate from the first of the month", "savings"),
    ("the safe deposit key is lost", "ordered a locksmith and noted the cost", "savings"),
)  # fmt: skip
# complaint, advice, clinic room or team, follow-up days
COMPLAINTS = (
    ("dry cough", "fluids and rest, honey at night", "nurse clinic", (2, 3)),
    ("sore throat", "throat lozenges and a swab if fever stays", "nurse clinic", (2, 3)),
    ("ear pain on the left", "no swimming, ear check by the doctor", "doctor", (1, 2)),
    ("itchy rash on both arms", "cool cloths and a plain cream", "skin clinic", (3, 5)),
    ("swollen ankle after a fall", "ice, bandage and no sport", "x-ray", (5, 7)),
    ("lower back pain", "keep walking, heat and light exercises", "physio", (7, 14)),
    ("blurred vision since the morning", "same-day check, do not drive", "eye clinic", (1, 1)),
    ("heartburn after meals", "small meals, no coffee late", "doctor", (7, 14)),
    ("migraine with nausea", "dark room, usual tablets early", "doctor", (3, 5)),
    ("hay fever", "nasal spray each morning", "pharmacy desk", (7, 14)),
    ("tooth pain", "rinse with salt water, see the dentist", "dentist", (1, 2)),
    ("dizzy when standing up", "drink more and measure blood pressure twice a day", "nurse clinic", (2, 3)),
    ("cut on the finger", "clean, close with strips, tetanus check", "nurse clinic", (2, 5)),
    ("trouble sleeping", "sleep diary and no screens in bed", "counsellor", (14, 21)),
    ("stomach cramps", "plain food and plenty of water", "doctor", (1, 3)),
    ("wasp sting with swelling", "ice and an antihistamine", "pharmacy desk", (1, 2)),
)  # fmt: skip
# medicine (invented), dose, when
MEDICINES = (
    ("Calmoril", "10 mg", "in the evening"), ("Brivanex", "5 mg", "in the morning"),
    ("Nasovent", "2 puffs", "morning and night"), ("Pelutrine", "250 mg", "with food"),
    ("Ostrafen", "400 mg", "with food, at most three a day"), ("Thyradol", "50 mcg", "before breakfast"),
    ("Glucamet", "500 mg", "with the evening meal"), ("Dermasol", "a thin layer", "twice a day"),
    ("Cardivane", "20 mg", "in the morning"), ("Lorasine", "1 tablet", "once a day"),
)  # fmt: skip
# test, preparation
TESTS = (
    ("blood test", "nothing to eat from 22:00 the evening before"), ("urine test", "bring the first sample of the day"),
    ("flu jab", "wear a loose sleeve"), ("x-ray of the knee", "no metal in the pockets"),
    ("eye check", "do not drive home"), ("hearing test", "no loud music the day before"),
    ("heart trace", "no cream on the chest"), ("travel jab", "bring the yellow booklet"),
    ("cervical smear", "say if a chaperone is wanted"), ("allergy test", "stop antihistamines five days before"),
)  # fmt: skip

RULES = {
    "hello": "(Hello|Hi|Good morning|Good afternoon|Hi there|Hello team|Dear team)",
    "thanks": "(Thanks|Thank you|Many thanks|Thanks a lot|Thanks for your help|Best)",
    "sorry": "(I am sorry to hear that|Sorry about that|That should not happen|I understand|Let me look|I can see it here|Thanks for waiting)",
    "since": "(since [weekday]|since [daymonth]|since this morning|for [few] days now|since the last update)",
    "by": "(by [dueweekday]|by [duedate]|within [wait] [days]|in [wait] [days]|not later than [duedate])",
    "who": "(Customer|Member|Caller|Account holder|[name])",
    "patient": "(Patient|Pt|[name]|Caller|Parent)",
    "asked": "(asks|wants to know|would like to know|called to ask|is asking)",
    "money": "[currency] [amount]",
    "state": "(open|waiting for the customer|waiting for the merchant|with the [queue] team|solved|closed, no reply|escalated|on hold until [duedate])",
    "check": "(Identity checked|Verified by two questions|Security questions passed|Checked with the date of birth|Call back made|ID seen at the desk)",
    "reference": "(Ref [ticket]|Ticket [ticket]|Case [ticket]|see [ticket]|[ticket])",
    "close": "([thanks], [name]|[thanks].|[reference].|Please confirm.|Is that all right?||)",
    # bank
    "chat": (
        "(C|Customer): [hello], [problem] [since]. (A|Agent): [sorry]. I have [done], [reference].",
        "C: [hello], [problem]. A: [sorry], [name]. (When was that|On which day was it)? C: On [weekday], [daymonth], about [money].",
        "C: Why was I charged [fee] [currency] for [money] at [merchant]? A: It is the [percent] % fee for payments abroad, so [total] in all.",
        "C: (Can|Could) you (raise|lower) my (card|daily|cash) limit to [money]? A: (Yes|Done), it is valid until [duedate]. [reference].",
        "A: [hello] [name], how can I help? C: I paid [money] for [goods] at [merchant] and [problem].",
        "C: I am travelling to [town] on [duedate], will my card work? A: Yes, I have set a travel note for [wait] [days]. [reference].",
        "C: How long does a transfer of [money] take? A: If you send it before [time] it is there on [dueweekday]. [close]",
        "A: Is there anything else? C: Yes, [problem] too. A: [sorry], the [queue] team will answer [by]. [reference].",
    ),
    "callnote": (
        "Call [time], [town] branch. [who] says [problem] [since]. [check]. I have [done]. [reference].",
        "[time] call: [problem]. [check], then [done]. (Follow up|Call back) [by], [agent].",
        "Inbound call, [weekday] [time]. [who] (disputes|does not recognise|questions) [money] at [merchant] ([goods]). Passed to [queue]. [reference].",
        "[who] rang about the [queue] queue: [problem]. Told that we answer [by]. Mood: (calm|friendly|upset|worried|angry). [agent].",
        "Voicemail [time]: [name] from [town], [problem], please ring back (before|after) [time2]. [reference].",
        "Call back to [name], [weekday] [daymonth], [time]: no answer. Next try on [dueweekday], [duedate]. Topic: [queue]. [ticket].",
    ),
    "ticket": (
        "[ticket] / [queue] / [money] at [merchant], [daymonth] / [state] / owner [agent].",
        "[ticket]: [problem]. Queue: [queue]. Action: [done]. Status: [state].",
        "Ticket [ticket], opened [iso], [town]. [problem]. Due [dueiso]. Owner: [agent].",
        "Queue [queue], priority [few]: [money] [direction], booked twice on [iso]. [done] ([agent]). Status: [state].",
        "Dispute [ticket]: [money] for [goods], [merchant], [iso]. Provisional credit [by]. Status: [state].",
    ),
    "email": (
        "Subject: [subject]. [hello], [problem] [since]. Could you (look into it|help|sort it out) [by]? [thanks], [name]",
        "Subject: Fee of [fee] [currency]. [hello], I paid [money] at [merchant] and was charged [percent] %. Why? [close]",
        "Dear [name], your request [ticket] is [state]. We have [done] and will write again [by]. Larkfield Savings, [town]",
        "Dear [name], we return [money] for [goods] ([merchant], [daymonth]) to your account [by]. Your Larkfield team",
        "Subject: Moving to [town]. [hello], I move on [duedate]. Please send the [queue] papers to the new address. [close]",
    ),
    "sms": (
        "Larkfield: [money] (paid to|sent to|charged by) [merchant] on [daymonth] at [time]. Not you? Answer NO. [ticket]",
        "Larkfield: your instalment of [money] is due on [dueweekday], [duedate]. Keep [total] in the account. [ticket]",
        "Larkfield: we have [done]. Your case [ticket] is [state]. Questions? Visit the [town] branch.",
        "Larkfield: talk with [agent] at the [town] branch on [dueweekday], [duedate], [time]. Reply 1 to (keep|confirm), 2 to move it.",
    ),
    # clinic
    "triage": (
        "Triage [time]: [complaint] for [few] days, temp [temperature], (no allergies|allergic to penicillin|allergic to nuts). Advice: [advice]. Review in [wait] [days].",
        "[patient] reports [complaint] [since]. Pain [few]/10. Advice given: [advice]. Sent to [team], [dueweekday] [time2].",
        "Phone triage, age [age], [complaint]. (No red flags|No fever|Eating and drinking well). [advice]. Call again if worse [by].",
        "[patient], age [age]: [complaint], temp [temperature], pulse [pulse]. [advice]. Seen by [team], [agent].",
    ),
    "booking": (
        "Booked: [test] on [dueweekday], [duedate], [time], room [few], with [agent]. Note: [preparation].",
        "[patient] moved the [test] from [weekday] to [dueweekday] [duedate], [time]. Told: [preparation]. [agent].",
        "Did not attend: [test], [weekday] [daymonth], [time]. Second letter sent, new slot [duedate]. [reference].",
        "Millbrook Clinic: your [test] is on [dueweekday], [duedate] at [time]. Please [preparation2]. To cancel quote [ticket].",
        "Waiting list for [team]: [complaint], asked for (a morning|an afternoon|any) slot, offered [dueweekday] [time]. [reference].",
    ),
    "desk": (
        "[patient] asks for a repeat of [medicine] [dose], [when]. Ready at the (pharmacy desk|front desk) [by]. [agent].",
        "Repeat request [ticket]: [medicine] [dose], [when]. Last issued [iso], next review [dueiso]. (Approved|Sent to doctor|Queried).",
        "Front desk: [patient] paid [money] for the [test], receipt [ticket]. Next visit [dueweekday], [duedate].",
        "[patient] wants a copy of the [test] result of [daymonth]. Told [wait] [days], fee [fee] [currency]. [check].",
        "New patient from [town], (records requested|forms given|interpreter needed), first visit [duedate] [time], reason: [complaint]. [agent].",
        "Result in: [test] of [iso], (normal|slightly raised|repeat needed|see doctor). [patient] (told by phone|to be told) [by].",
    ),
    # both
    "complaint": (
        "Complaint [ticket]: waited [pulse] minutes at the [town] branch, then [problem]. Wants (an apology|[money] back|a call from the manager) [by].",
        "Complaint, [weekday] [daymonth]: [name] was told [few] different things about the [test]. Wants (an apology|a call|a new slot) [by]. [ticket].",
        "Feedback: [few] of 10. [agent] was (kind|quick|patient|unclear|short) but [problem]. [name], [town].",
        "[hello], I wrote on [daymonth] about [complaint] and nobody called. Please answer [by]. [thanks], [name]",
    ),
    "system": (
        "Portal log [time]: [few] failed logins, account (locked for an hour|locked until [duedate]|left open). [who] told.",
        "App [version] on (a tablet|an old phone|a new phone): [problem]. (Restarted|Reinstalled|Cache cleared). [ticket].",
        "App [version]: [problem] [since]. [done].",
        "Night job, [weekday]: [pulse] letters printed, [few] failed ([queue]). [agent] runs it again [by].",
        "Export to the [queue] server stopped at [time]. [agent] starts it again on [dueweekday].",
        "(Sync|Backup|Import) of the [queue] files failed on [daymonth]. [agent] looks into it. [state].",
        "(Sync|Backup|Import) for [town] done at [time], [pulse] records, [few] left out.",
    ),
}
SUBJECTS = "Card|Question about a payment|Please help|Urgent|My account|Second letter|Refund|Statement|Transfer".split("|")

# Where personal data may stand. `[value]` is the value; the key is its label.
CLAUSES = {
    "EMAIL": (
        "(Reply to|Write to|Answer to|Confirm to) [value].", "(E-mail|Mail|Contact): [value].", "My address is [value].",
        "Copy sent to [value].", "(New|Old|Second) e-mail on file: [value].", "[name] can be reached at [value].",
    ),
    "PHONE": (
        "(Phone|Tel|Mobile|Call back on|Call): [value].", "Please call [value].", "Best number: phone [value].",
        "New mobile number [value] noted.", "[name]'s phone is [value].", "Text or call [value] after [time2].",
    ),
    "IPV4": ("Login from IP [value].", "Source IP [value], (blocked|watched).", "Last seen at [value].", "Host [value] refused."),
    "IPV6": ("Login from IP [value].", "Client address [value].", "Session came from [value]."),
    "CREDIT_CARD": (
        "Card [value].", "Card number [value], (blocked|active|expired).", "(Paid|Payment) with card [value].", "The card is [value].",
    ),
    "IBAN": ("IBAN [value].", "Refund to [value].", "(To|From) account [value].", "New account: IBAN [value].", "Payee IBAN [value]."),
    "US_SSN": ("SSN [value].", "SSN on file [value].", "Social security number [value].", "Verified with SSN [value]."),
    "URL_CREDENTIALS": ("Feed at [value] checked.", "Upload link [value] stopped.", "Connection: [value]", "Uses [value] still."),
    "SECRET": ("Token [value].", "Key [value] found in the note.", "(Pasted|Old) token: [value].", "Revoke [value] today."),
}  # fmt: skip
# label weights by note type; the rest of the notes carry e-mail and phone only
WEIGHTS = {
    "system": {"IPV4": 28, "IPV6": 16, "URL_CREDENTIALS": 20, "SECRET": 26, "EMAIL": 10},
    "chat": {"EMAIL": 26, "PHONE": 22, "CREDIT_CARD": 26, "IBAN": 20, "SECRET": 3, "IPV4": 3},
    "callnote": {"PHONE": 44, "EMAIL": 18, "CREDIT_CARD": 14, "IBAN": 14, "US_SSN": 10},
    "ticket": {"EMAIL": 28, "CREDIT_CARD": 22, "IBAN": 22, "PHONE": 12, "IPV4": 10, "IPV6": 6},
    "email": {"EMAIL": 42, "PHONE": 30, "IBAN": 28},
    "sms": {"PHONE": 100},
    "triage": {"PHONE": 80, "EMAIL": 20},
    "booking": {"PHONE": 58, "EMAIL": 42},
    "desk": {"PHONE": 34, "EMAIL": 30, "US_SSN": 24, "CREDIT_CARD": 12},
    "complaint": {"EMAIL": 58, "PHONE": 42},
}
CHANNELS = tuple(WEIGHTS)
SHARES = (6, 18, 13, 11, 8, 8, 11, 10, 10, 5)


def date(day: datetime.date) -> str:
    return f"{day.day} {day:%b}"


def facts(rng: random.Random, channel: str, customer: dict, moment: datetime.datetime) -> dict:
    """What one note is about; every relation a model could learn is made here."""
    goods, merchant = rng.choice(MERCHANTS)
    problem, done, queue = rng.choice(PROBLEMS)
    complaint, advice, team, waits = rng.choice(COMPLAINTS)
    medicine, dose, when = rng.choice(MEDICINES)
    test, preparation = rng.choice(TESTS)
    clinic = channel in ("triage", "booking", "desk")
    wait = rng.choice(waits) if clinic else rng.choice((1, 2, 3, 5, 7, 10, 14))
    due = moment.date() + datetime.timedelta(days=wait)
    percent = rng.choice((1, 2, 3))
    scale = 10 if customer["currency"] == "SEK" else 1
    amount = rng.choice((5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 80, 90, 120, 150, 200, 250, 300, 400, 500, 800, 1200)) * scale
    prefix = "MB" if clinic else "LK"
    return {
        "name": customer["name"], "town": customer["town"], "currency": customer["currency"], "agent": rng.choice(AGENTS),
        "goods": goods, "merchant": merchant, "problem": problem, "done": done, "queue": queue,
        "complaint": complaint, "advice": advice, "team": team, "medicine": medicine, "dose": dose, "when": when,
        "test": test, "preparation": preparation, "preparation2": preparation.replace("nothing to eat", "eat nothing"),
        "wait": str(wait), "days": "day" if wait == 1 else "days", "few": str(rng.randint(2, 9)), "age": str(rng.randint(2, 89)), "pulse": str(5 * rng.randint(11, 22)),
        "temperature": f"{rng.choice((36, 37, 38, 39))}.{rng.randint(0, 9)}",
        "amount": str(amount), "percent": str(percent), "fee": f"{amount * percent / 100:.2f}", "total": f"{amount * (100 + percent) / 100:.2f}",
        "weekday": f"{moment:%A}", "daymonth": date(moment.date()), "iso": f"{moment:%Y-%m-%d}",
        "dueweekday": f"{due:%A}", "duedate": date(due), "dueiso": due.isoformat(),
        "time": f"{moment.hour}:{moment.minute:02}", "time2": f"{min(moment.hour + rng.randint(1, 3), 19)}:{rng.choice(('00', '15', '30', '45'))}",
        "ticket": f"{prefix}{moment.month}-{rng.randint(100, 999)}", "subject": rng.choice(SUBJECTS),
        "direction": rng.choice(("to " + merchant, "at " + merchant, "from " + merchant)),
        "version": f"{rng.randint(3, 6)}.{rng.randint(0, 12)}.{rng.randint(0, 9)}",
    }  # fmt: skip


def expand(rng: random.Random, template: str, known: dict) -> str:
    """Innermost choices first, then slots, until nothing is left to expand.

    A parenthesis without a bar is text and stays.
    """
    choice = re.compile(r"\(([^()]*\|[^()]*)\)")
    while True:
        match = choice.search(template)
        if match:
            pick = rng.choice(match[1].split("|"))
            template = template[: match.start()] + pick + template[match.end() :]
            continue
        match = re.search(r"\[(\w+)\]", template)
        if not match:
            return re.sub(r"\s+", " ", template).strip()
        value = known[match[1]] if match[1] in known else RULES[match[1]]
        template = template[: match.start()] + value + template[match.end() :]


def capital(text: str) -> str:
    """Sentences begin with a capital."""
    return re.sub(r"(^|[.?] )([a-z])", lambda m: m[1] + m[2].upper(), text)


def note(rng: random.Random, channel: str, known: dict, labels: list[str]) -> str:
    """A note with `\\x00LABEL\\x00` where values belong."""
    text = capital(expand(rng, rng.choice(RULES[channel]), known))
    for label in labels:
        clause = expand(rng, rng.choice(CLAUSES[label]), known | {"value": f"\x00{label}\x00"})
        text = f"{text} {clause}" if rng.random() < 0.8 else f"{clause} {text}"
    return text


def weight(text: str) -> float:
    """A rough count of BPE tokens: digits and marks count one each, letters a quarter, values one."""
    text = re.sub("\x00.*?\x00", ":", text)
    digits = sum(c.isdigit() for c in text)
    marks = sum(not c.isalnum() and c != " " for c in text)
    return digits + marks + (len(text) - digits - marks) / 4
