"""What looks like personal data and is none, each with the reason."""

import random
import string

from checksums import ean13, luhn

HEX = "0123456789abcdef"


def pick(rng: random.Random, alphabet: str, count: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(count))


def digits(rng: random.Random, count: int) -> str:
    return pick(rng, string.digits, count)


def word(rng: random.Random) -> str:
    return pick(rng, "bcdfghklmnprstvz", 1) + pick(rng, "aeiou", 1) + pick(rng, "bdgklmnrstv", 1) + pick(rng, "aeiou", 1) + pick(rng, "klmnrst", 1)


def uuid(rng: random.Random) -> str:
    h = pick(rng, HEX, 32)
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-{rng.choice('89ab')}{h[17:20]}-{h[20:]}"


def day(rng: random.Random) -> tuple[int, int, int]:
    return rng.randint(2015, 2026), rng.randint(1, 12), rng.randint(1, 28)


def date(rng: random.Random) -> str:
    y, m, d = day(rng)
    return rng.choice((f"{y}-{m:02}-{d:02}", f"{d:02}.{m:02}.{y}", f"{m:02}/{d:02}/{y}", f"{y}{m:02}{d:02}", f"{y}/{m:02}/{d:02}"))


def moment(rng: random.Random) -> str:
    y, m, d = day(rng)
    clock = f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}"
    return rng.choice((f"{y}-{m:02}-{d:02}T{clock}.{digits(rng, 6)}Z", f"{y}{m:02}{d:02}{clock.replace(':', '')}", f"1{rng.randint(5, 7)}{digits(rng, 8)}", f"1{rng.randint(5, 7)}{digits(rng, 11)}"))


def unissued_card(rng: random.Random) -> str:
    """Luhn holds, and no scheme issues numbers that begin like this."""
    body = rng.choice(("1", "7", "8", "9")) + digits(rng, 14)
    return body + luhn(body)


def card_with_a_slip(rng: random.Random) -> str:
    body = rng.choice(("411111", "555555")) + digits(rng, 9)
    n = body + str((int(luhn(body)) + rng.randint(1, 9)) % 10)
    return rng.choice((n, " ".join(n[i : i + 4] for i in range(0, 16, 4))))


def isbn(rng: random.Random) -> str:
    body = "978" + rng.choice("0123") + digits(rng, 8)
    n = body + ean13(body)
    return rng.choice((f"ISBN {n}", f"ISBN {n[:3]}-{n[3]}-{n[4:7]}-{n[7:12]}-{n[12]}"))


def price(rng: random.Random) -> str:
    n = f"{rng.randint(1, 9)}.{digits(rng, 3)}.{digits(rng, 3)},{digits(rng, 2)}"
    return rng.choice((f"{n} EUR", f"$ {n.translate(str.maketrans('.,', ',.'))}", f"{digits(rng, 3)}.{digits(rng, 2)} CHF"))


def section(rng: random.Random) -> str:
    n = ".".join(str(rng.randint(1, 12)) for _ in range(4))
    return rng.choice((f"section {n}", f"§ {n}", f"chapter {n}", f"figure {n}"))


def version(rng: random.Random) -> str:
    a, b, c, d = (rng.randint(0, 40) for _ in range(4))
    return rng.choice((f"v{a}.{b}.{c}", f"version {a}.{b}.{c}.{d}", f"release {a}.{b}.{c}.{d}", f"{word(rng)} {a}.{b}.{c}-rc{d}", f"{word(rng)}=={a}.{b}.{c}.{d}"))


def private_address(rng: random.Random) -> str:
    a, b = rng.randrange(256), rng.randint(1, 254)
    return rng.choice((f"10.{a}.{a}.{b}", f"192.168.{a}.{b}", f"172.{rng.randint(16, 31)}.{a}.{b}", f"127.0.0.{b}", f"fe80::{a:x}:{b:x}", "0.0.0.0", "::1"))


def documentation_address(rng: random.Random) -> str:
    b = rng.randint(1, 254)
    return rng.choice((f"192.0.2.{b}", f"198.51.100.{b}", f"203.0.113.{b}", f"2001:db8::{b:x}"))


def tracking(rng: random.Random) -> str:
    return rng.choice((f"1Z{pick(rng, string.ascii_uppercase + string.digits, 6)}{digits(rng, 10)}", f"94{digits(rng, 20)}", f"{pick(rng, string.ascii_uppercase, 2)}{digits(rng, 9)}DE", f"JD{digits(rng, 18)}"))


def social_number_never_issued(rng: random.Random) -> str:
    return rng.choice((f"000-{digits(rng, 2)}-{digits(rng, 4)}", f"666-{digits(rng, 2)}-{digits(rng, 4)}", f"{rng.randint(100, 665)}-00-{digits(rng, 4)}", f"{rng.randint(100, 665)}-{rng.randint(1, 99):02}-0000"))


def float_number(rng: random.Random) -> str:
    return rng.choice((f"0.{digits(rng, 16)}", f"{rng.randint(1, 99)}.{digits(rng, 15)}", f"{rng.randint(1, 9)}.{digits(rng, 7)}e-{rng.randint(1, 12):02}", f"-{digits(rng, 3)}.{digits(rng, 10)}"))


def order(rng: random.Random) -> str:
    return rng.choice((f"order {digits(rng, 10)}", f"PO-{day(rng)[0]}-{digits(rng, 6)}", f"invoice {digits(rng, 8)}", f"ticket #{digits(rng, 7)}", f"SKU {pick(rng, string.ascii_uppercase, 3)}-{digits(rng, 3)}-{digits(rng, 4)}"))


def iban_with_a_slip(rng: random.Random) -> str:
    return f"DE{rng.randint(0, 1):02}{digits(rng, 18)}"


def placeholder(rng: random.Random) -> str:
    return rng.choice(("AKIA" + "IOSFODNN7" + "EXAMPLE", "sk" + "_live_" + "x" * 24, "gh" + "p_" + "X" * 36, "password = os.getenv('DB_PASSWORD')", "api_key: ${API_KEY}", "token = \"<your-token>\""))


def url_template(rng: random.Random) -> str:
    return rng.choice(("postgres://${USER}:${PASS}@db/app", "https://{user}:{password}@host/path", "https://<user>:<password>@host/", "mysql://user:***@db/app"))


NEGATIVES = {
    "version": version,
    "date": date,
    "timestamp": moment,
    "time": lambda r: f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}",
    "git commit": lambda r: pick(r, HEX, 40),
    "SHA-256": lambda r: pick(r, HEX, 64),
    "MD5": lambda r: pick(r, HEX, 32),
    "transaction hash": lambda r: "0x" + pick(r, HEX, 64),
    "integrity hash": lambda r: "sha512-" + pick(r, string.ascii_letters + string.digits + "+/", 86) + "==",
    "UUID": uuid,
    "ISBN": isbn,
    "DOI": lambda r: f"10.{digits(r, 4)}/{word(r)}.{day(r)[0]}.{digits(r, 6)}",
    "order number": order,
    "Luhn holds, no issuer": unissued_card,
    "Luhn fails": card_with_a_slip,
    "mod 97 fails": iban_with_a_slip,
    "number never issued": social_number_never_issued,
    "float": float_number,
    "price": price,
    "section number": section,
    "tracking number": tracking,
    "package and version": lambda r: r.choice((f"{word(r)}-{word(r)}@{r.randint(0, 9)}.{r.randint(0, 30)}.{r.randint(0, 9)}", f"@{word(r)}/{word(r)}@{r.randint(0, 9)}.{r.randint(0, 30)}.{r.randint(0, 9)}")),
    "image for dense screens": lambda r: f"{word(r)}@{r.choice('23')}x.{r.choice(('png', 'jpg', 'webp'))}",
    "git remote": lambda r: f"git@{r.choice(('github.com', 'gitlab.com'))}:{word(r)}/{word(r)}.git",
    "image digest": lambda r: f"{word(r)}/{word(r)}@sha256:{pick(r, HEX, 64)}",
    "decorator": lambda r: r.choice((f"@{word(r)}.route", "@media", f"@{word(r)}.setter", "@Override")),
    "C++ path": lambda r: r.choice(("a::b", "std::vector", f"fe::{word(r)}", f"{word(r)}::{word(r)}::cafe", "dead::beef", "::abc")),
    "private address": private_address,
    "documentation address": documentation_address,
    "URL template": url_template,
    "placeholder": placeholder,
    "ratio": lambda r: r.choice(("16:9", "4:3:2", f"1:{digits(r, 3)}")),
    "page range": lambda r: f"pp. {r.randint(100, 499)}-{r.randint(500, 999)}",
    "years": lambda r: f"{r.randint(1990, 2005)}-{r.randint(2006, 2026)}",
    "ZIP+4": lambda r: f"{digits(r, 5)}-{digits(r, 4)}",
}  # fmt: skip
