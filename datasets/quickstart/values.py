"""Personal data that looks real to a checksum and was taken from nobody.

Phone numbers come from the ranges regulators keep for drama, card numbers begin
with test IINs, IPv6 addresses lie in unallocated space, IPv4 addresses in blocks
of one public body (documentation ranges would not do: a scrubber may keep those
on purpose), mail and host names are nonsense words, and every token is drawn
here. Prefixes of tokens are written in two halves so that a secret scanner
reading this file stays quiet.
"""

import base64
import json
import random
import string
import zlib

SYLLABLES = "bra|vel|tok|mur|zin|gor|pel|qua|dri|fen|hul|jas|kir|lom|nav|ost|rin|sub|tav|wex|yor|zel".split("|")
ALNUM = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"


def pick(rng: random.Random, alphabet: str, count: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(count))


def digits(rng: random.Random, count: int) -> str:
    return pick(rng, string.digits, count)


def word(rng: random.Random, syllables: int) -> str:
    return "".join(rng.choice(SYLLABLES) for _ in range(syllables))


def host(rng: random.Random) -> str:
    return f"{word(rng, 2)}{rng.choice(('post', 'mail', 'desk', 'hub'))}-{word(rng, 2)}.{rng.choice(('com', 'net', 'org', 'de', 'fr', 'se', 'co.uk'))}"


def email(rng: random.Random) -> str:
    a, b = word(rng, 2), word(rng, 2)
    local = rng.choice((f"{a}.{b}", f"{a}{rng.randint(1, 99)}", f"{a}_{b}", f"{a}+{b}", f"{a[0]}.{b}{rng.randint(60, 99)}", f"{a}-{b}"))
    return f"{local}@{host(rng)}"


def phone(rng: random.Random, country: str) -> str:
    """Drama numbers: NANP 555-01xx, Ofcom, Bundesnetzagentur, ARCEP, PTS."""
    if country == "US":
        area, last = rng.choice(("202", "206", "303", "312", "415", "503", "617", "704", "808", "919")), f"01{digits(rng, 2)}"
        return rng.choice((f"({area}) 555-{last}", f"{area}-555-{last}", f"+1 {area} 555 {last}", f"+1-{area}-555-{last}", f"+1{area}555{last}"))
    if country == "GB":
        a, b = digits(rng, 3), digits(rng, 3)
        return rng.choice((f"020 7946 0{a}", f"+44 20 7946 0{a}", f"0161 496 0{b}", f"+44 113 496 0{b}", f"+441314960{b}"))
    if country == "DE":
        a, b = digits(rng, 3), digits(rng, 2)
        return rng.choice((f"030 23125 {a}", f"+49 30 23125{a}", f"+49 30 23125 {a}", f"+49 171 39200{b}", f"0171 39200{b}"))
    if country == "FR":
        a, b = digits(rng, 2), digits(rng, 2)
        return rng.choice((f"01 99 00 {a} {b}", f"+33 1 99 00 {a} {b}", f"02 61 91 {a} {b}", f"+33 5 36 49 {a} {b}", f"+3335301{a}{b}"))
    a = f"{rng.randint(5, 99):02}"
    return rng.choice((f"070-174 06 {a}", f"+46 70 174 06 {a}", f"+46701740 6{a}".replace(" ", ""), f"08-465 004 {a}", f"+46 8 465 004 {a}"))


def ipv4(rng: random.Random) -> str:
    return f"{rng.choice((11, 22, 26, 28, 29, 30))}.{rng.randint(1, 254)}.{rng.randint(1, 254)}.{rng.randint(1, 254)}"


def ipv6(rng: random.Random) -> str:
    """2e00::/7 is unallocated global unicast space."""
    g = [f"{rng.randint(1, 0xFFFF):x}" for _ in range(7)]
    head = f"2e{pick(rng, HEX, 2)}"
    return rng.choice((":".join([head, *g]), f"{head}:{g[0]}:{g[1]}::{g[2]}", f"{head}:{g[0]}::{g[1]}:{g[2]}:{g[3]}", f"{head}:{g[0]}:{g[1]}:{g[2]}::1"))


def luhn(body: str) -> str:
    total = 0
    for place, c in enumerate(reversed(body)):
        d = int(c) * (2 if place % 2 == 0 else 1)
        total += d - 9 if d > 9 else d
    return body + str(-total % 10)


def credit_card(rng: random.Random) -> str:
    start = rng.choice(("411111", "424242", "401288", "555555", "520082", "510510", "222300", "601111", "378282", "371449"))
    length = 15 if start.startswith("37") else 16
    n = luhn(start + digits(rng, length - 7))
    groups = (n[:4], n[4:10], n[10:]) if length == 15 else (n[:4], n[4:8], n[8:12], n[12:])
    return rng.choice((" ", "-", "")).join(groups)


def iban(rng: random.Random, country: str) -> str:
    """Real lengths and check digits; the bank codes are made up."""
    country = country if country != "US" else rng.choice(("NL", "ES", "AT", "CH", "PL", "IE"))
    bank = rng.choice(("LRKF", "MBNQ", "QZBK"))
    body = {
        "GB": lambda: bank + digits(rng, 14), "DE": lambda: digits(rng, 18), "FR": lambda: digits(rng, 10) + pick(rng, UPPER, 11) + digits(rng, 2),
        "SE": lambda: digits(rng, 20), "NL": lambda: bank + digits(rng, 10), "ES": lambda: digits(rng, 20), "AT": lambda: digits(rng, 16),
        "CH": lambda: digits(rng, 5) + digits(rng, 12), "PL": lambda: digits(rng, 24), "IE": lambda: bank + digits(rng, 14),
    }[country]()  # fmt: skip
    rest = int("".join(str(int(c, 36)) for c in f"{body}{country}00")) % 97
    whole = f"{country}{98 - rest:02}{body}"
    return whole if rng.random() < 0.4 else " ".join(whole[i : i + 4] for i in range(0, len(whole), 4))


def us_ssn(rng: random.Random) -> str:
    """Areas that were never issued while an area still meant a state."""
    return f"{rng.randint(773, 899)}-{rng.randint(1, 99):02}-{rng.randint(1, 9999):04}"


def url_credentials(rng: random.Random) -> str:
    scheme = rng.choice(("https", "ftp", "sftp", "postgres", "mysql", "amqp", "redis"))
    return f"{scheme}://{word(rng, 2)}:{word(rng, 1)}{pick(rng, ALNUM, 8)}@{host(rng)}"


def base62(value: int, width: int) -> str:
    alphabet = string.digits + string.ascii_uppercase + string.ascii_lowercase
    out = ""
    while value:
        value, rest = divmod(value, 62)
        out = alphabet[rest] + out
    return out.rjust(width, "0")


def checked(rng: random.Random, prefix: str) -> str:
    """GitHub and npm end their tokens with the CRC-32 of the random part in base 62."""
    body = pick(rng, ALNUM, 30)
    return prefix + body + base62(zlib.crc32(body.encode()), 6)


def jwt(rng: random.Random) -> str:
    def part(value: dict) -> str:
        return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")

    payload = {"sub": digits(rng, 8), "iat": rng.randint(1_735_000_000, 1_766_000_000)}
    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(payload)}.{pick(rng, ALNUM + '-_', 43)}"


def secret(rng: random.Random) -> str:
    base32 = string.ascii_uppercase + "234567"
    kinds = (
        lambda: "AK" + "IA" + pick(rng, base32, 16),
        lambda: checked(rng, "gh" + rng.choice("pos") + "_"),
        lambda: "xo" + "xb-" + f"{digits(rng, 12)}-{digits(rng, 12)}-{pick(rng, ALNUM, 24)}",
        lambda: jwt(rng),
        lambda: "sk" + "_live_" + pick(rng, ALNUM, 24),
        lambda: "gl" + "pat-" + pick(rng, ALNUM, 20),
        lambda: checked(rng, "np" + "m_"),
        lambda: "S" + "G." + pick(rng, ALNUM, 22) + "." + pick(rng, ALNUM, 43),
        lambda: "AI" + "za" + pick(rng, ALNUM, 35),
        lambda: "h" + "f_" + pick(rng, string.ascii_letters, 34),
    )
    return rng.choice(kinds)()


def value(rng: random.Random, label: str, customer: dict) -> str:
    """One value; contact data belong to the customer and come back in later notes."""
    if label in ("EMAIL", "PHONE", "IBAN") and rng.random() < 0.7:
        return customer[label]
    if label == "PHONE":
        return phone(rng, customer["country"])
    if label == "IBAN":
        return iban(rng, customer["country"])
    return {
        "EMAIL": email, "IPV4": ipv4, "IPV6": ipv6, "CREDIT_CARD": credit_card, "US_SSN": us_ssn,
        "URL_CREDENTIALS": url_credentials, "SECRET": secret,
    }[label](rng)  # fmt: skip
