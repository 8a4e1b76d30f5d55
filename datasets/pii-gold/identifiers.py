"""Identifiers with right check digits, drawn at random and taken from nobody.

One function per label; each draws one value in one of its usual spellings. Where a reserved or test range exists and
still looks real, it is used (NHS numbers from 999, hardware addresses with the local bit, the ICAO specimen state);
elsewhere a value may by chance equal one in use.
"""

import datetime
import random
import string

from checksums import NIF, base58check, bech32, ean13, eip55, it_cf, luhn, mod11_2, mod11_10, mrz, total, verhoeff, vin

UPPER = string.ascii_uppercase
CONSONANTS = "BCDFGHJKLMNPQRSTVWXYZ"


def pick(rng: random.Random, alphabet: str, count: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(count))


def digits(rng: random.Random, count: int) -> str:
    return pick(rng, string.digits, count)


def born(rng: random.Random, first: int = 1940, last: int = 1999) -> datetime.date:
    return datetime.date(first, 1, 1) + datetime.timedelta(days=rng.randrange((last - first + 1) * 365))


def either(rng: random.Random, *spellings: str) -> str:
    return rng.choice(spellings)


def until(draw):
    """The first draw that has a check digit at all."""
    while (value := draw()) is None:
        pass
    return value


# North America


def us_itin(rng):
    group = rng.choice([*range(50, 66), *range(70, 89), 90, 91, 92, *range(94, 100)])
    return f"9{digits(rng, 2)}-{group}-{digits(rng, 4)}"


def us_ein(rng):
    return f"{rng.choice(('12', '20', '27', '36', '45', '52', '61', '74', '83', '95'))}-{digits(rng, 7)}"


def us_routing(rng):
    body = rng.choice(("01", "02", "03", "06", "07", "11", "12", "21", "26", "31")) + digits(rng, 6)
    return body + str(-total(body, (3, 7, 1) * 3) % 10)


def us_npi(rng):
    body = rng.choice("12") + digits(rng, 8)
    return body + luhn("80840" + body)


def us_dea(rng):
    d = digits(rng, 6)
    check = (int(d[0]) + int(d[2]) + int(d[4]) + 2 * (int(d[1]) + int(d[3]) + int(d[5]))) % 10
    return rng.choice("ABFM") + rng.choice(UPPER) + d + str(check)


def us_mbi(rng):
    letters = "ACDEFGHJKMNPQRTUVWXY"
    plain = rng.choice("123456789") + rng.choice(letters) + rng.choice(string.digits + letters) + digits(rng, 1)
    plain += rng.choice(letters) + rng.choice(string.digits + letters) + digits(rng, 1) + pick(rng, letters, 2) + digits(rng, 2)
    return either(rng, plain, f"{plain[:4]}-{plain[4:7]}-{plain[7:]}")


def ca_sin(rng):
    body = rng.choice("1234567") + digits(rng, 7)
    n = body + luhn(body)
    return either(rng, f"{n[:3]} {n[3:6]} {n[6:]}", f"{n[:3]}-{n[3:6]}-{n[6:]}", n)


def mx_curp(rng):
    day = born(rng)
    state = rng.choice(("AS", "BC", "CH", "DF", "GT", "JC", "NL", "PL", "VZ", "YN"))
    body = rng.choice(CONSONANTS) + rng.choice("AEIOU") + pick(rng, CONSONANTS, 2)
    body += f"{day:%y%m%d}{rng.choice('HM')}{state}{pick(rng, CONSONANTS, 3)}{rng.choice(string.digits)}"
    order = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    return body + str(-sum(order.index(c) * (18 - i) for i, c in enumerate(body)) % 10)


# Europe


def uk_nhs(rng):
    def draw():
        body = "999" + digits(rng, 6)
        check = -total(body, range(10, 1, -1)) % 11
        return None if check == 10 else body + str(check)

    n = until(draw)
    return either(rng, f"{n[:3]} {n[3:6]} {n[6:]}", f"{n[:3]}-{n[3:6]}-{n[6:]}", n)


def uk_nino(rng):
    prefix = until(lambda: (p := rng.choice("ABCEGHJKLMNOPRSTWXYZ") + rng.choice("ABCEGHJKLMNPRSTWXYZ")) not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ") and p or None)
    n = digits(rng, 6)
    return either(rng, f"{prefix} {n[:2]} {n[2:4]} {n[4:]} {rng.choice('ABCD')}", f"{prefix}{n}{rng.choice('ABCD')}")


def ie_pps(rng):
    n = digits(rng, 7)
    second = rng.choice(("", "", "A", "B"))
    value = total(n, range(8, 1, -1)) + (9 * (ord(second) - 64) if second else 0)
    return n + ("W" + UPPER)[value % 23] + second


def de_tax_id(rng):
    twice, *rest = rng.sample(string.digits, 9)
    body = until(lambda: (b := "".join(rng.sample([twice, twice, *rest], 10)))[0] != "0" and b or None)
    n = body + mod11_10(body)
    return either(rng, n, f"{n[:2]} {n[2:5]} {n[5:8]} {n[8:]}")


def at_svnr(rng):
    def draw():
        serial, day = rng.choice("123456789") + digits(rng, 2), f"{born(rng):%d%m%y}"
        check = (total(serial, (3, 7, 9)) + total(day, (5, 8, 4, 2, 1, 6))) % 11
        return None if check == 10 else f"{serial}{check} {day}"

    n = until(draw)
    return either(rng, n, n.replace(" ", ""))


def ch_ahv(rng):
    body = "756" + digits(rng, 9)
    n = body + ean13(body)
    return either(rng, f"{n[:3]}.{n[3:7]}.{n[7:11]}.{n[11:]}", f"{n[:3]}.{n[3:7]}.{n[7:11]}.{n[11:]}", n)


def fr_nir(rng):
    day = born(rng)
    place = rng.choice([f"{d:02}" for d in range(1, 96) if d != 20] + ["2A", "2B"])
    body = f"{rng.choice('12')}{day:%y%m}{place}{rng.randint(1, 300):03}{rng.randint(1, 600):03}"
    key = 97 - int(body.replace("2A", "19").replace("2B", "18") if place in ("2A", "2B") else body) % 97
    spaced = f"{body[0]} {body[1:3]} {body[3:5]} {body[5:7]} {body[7:10]} {body[10:]} {key:02}"
    return either(rng, f"{body}{key:02}", spaced)


def es_nif(rng):
    if rng.random() < 0.7:
        n = digits(rng, 8)
        return either(rng, n + NIF[int(n) % 23], f"{n}-{NIF[int(n) % 23]}")
    first, n = rng.randrange(3), digits(rng, 7)
    return "XYZ"[first] + n + NIF[int(f"{first}{n}") % 23]


def pt_nif(rng):
    body = rng.choice("12") + digits(rng, 7)
    rest = total(body, range(9, 1, -1)) % 11
    n = body + str(0 if rest < 2 else 11 - rest)
    return either(rng, n, f"{n[:3]} {n[3:6]} {n[6:]}")


def it_cf_(rng):
    day, woman = born(rng), rng.random() < 0.5
    body = f"{pick(rng, CONSONANTS[:-3], 6)}{day:%y}{'ABCDEHLMPRST'[day.month - 1]}{day.day + 40 * woman:02}"
    body += f"{rng.choice('ABCDEFGHIL')}{rng.randint(1, 999):03}"
    return body + it_cf(body)


def nl_bsn(rng):
    def draw():
        body = rng.choice("12") + digits(rng, 7)
        check = total(body, range(9, 1, -1)) % 11
        return None if check == 10 else body + str(check)

    n = until(draw)
    return either(rng, n, f"{n[:4]}.{n[4:6]}.{n[6:]}")


def be_nn(rng):
    day, serial = born(rng), f"{rng.randint(1, 997):03}"
    check = 97 - int(f"{day:%y%m%d}{serial}") % 97
    return either(rng, f"{day:%y.%m.%d}-{serial}.{check:02}", f"{day:%y.%m.%d}-{serial}.{check:02}", f"{day:%y%m%d}{serial}{check:02}")


def pl_pesel(rng):
    day = born(rng, 1940, 2009)
    body = f"{day:%y}{day.month + 20 * (day.year >= 2000):02}{day:%d}{digits(rng, 4)}"
    return body + str(-total(body, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10)


def cz_rc(rng):
    def draw():
        day, woman = born(rng, 1954), rng.random() < 0.5
        body = f"{day:%y}{day.month + 50 * woman:02}{day:%d}{digits(rng, 3)}"
        check = int(body) % 11
        return None if check == 10 else f"{body[:6]}/{body[6:]}{check}"

    n = until(draw)
    return either(rng, n, n.replace("/", ""))


def se_personnummer(rng):
    day, serial = born(rng), digits(rng, 3)
    check = luhn(f"{day:%y%m%d}{serial}")
    return either(rng, f"{day:%y%m%d}-{serial}{check}", f"{day:%Y%m%d}-{serial}{check}", f"{day:%Y%m%d}{serial}{check}")


def fi_hetu(rng):
    day, serial = born(rng, 1940, 2009), f"{rng.randint(2, 899):03}"
    check = "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(f"{day:%d%m%y}{serial}") % 31]
    return f"{day:%d%m%y}{rng.choice('-YXWVU') if day.year < 2000 else rng.choice('ABCDEF')}{serial}{check}"


def no_fnr(rng):
    def draw():
        body = f"{born(rng):%d%m%y}{rng.randint(0, 499):03}"
        first = -total(body, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
        second = -total(f"{body}{first}"[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
        return None if 10 in (first, second) else f"{body[:6]} {body[6:]}{first}{second}"

    n = until(draw)
    return either(rng, n, n.replace(" ", ""))


def dk_cpr(rng):
    def draw():
        body = f"{born(rng, 1940, 1999):%d%m%y}{rng.choice('0123')}{digits(rng, 2)}"
        check = -total(body, (4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
        return None if check == 10 else f"{body[:6]}-{body[6:]}{check}"

    return until(draw)


def ee_ik(rng):
    day = born(rng)
    body = f"{rng.choice('34')}{day:%y%m%d}{digits(rng, 3)}"
    check = total(body, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    check = total(body, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10 if check == 10 else check
    return body + str(check)


def gr_amka(rng):
    body = f"{born(rng):%d%m%y}{digits(rng, 4)}"
    return body + luhn(body)


def ro_cnp(rng):
    body = f"{rng.choice('12')}{born(rng):%y%m%d}{rng.randint(1, 46):02}{rng.randint(1, 999):03}"
    check = total(body, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return body + str(1 if check == 10 else check)


def bg_egn(rng):
    body = f"{born(rng):%y%m%d}{digits(rng, 3)}"
    return body + str(total(body, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10)


def hr_oib(rng):
    body = rng.choice("123456789") + digits(rng, 9)
    return body + mod11_10(body)


# Elsewhere


def tr_tckn(rng):
    body = rng.choice("123456789") + digits(rng, 8)
    tenth = (7 * sum(int(c) for c in body[0::2]) - sum(int(c) for c in body[1::2])) % 10
    return f"{body}{tenth}{(sum(int(c) for c in body) + tenth) % 10}"


def il_id(rng):
    body = rng.choice("0123") + digits(rng, 7)
    return body + luhn(body)


def za_id(rng):
    body = f"{born(rng):%y%m%d}{digits(rng, 4)}{rng.choice('01')}8"
    return body + luhn(body)


def br_cpf(rng):
    body = digits(rng, 9)
    for length in (10, 11):
        rest = total(body, range(length, 1, -1)) % 11
        body += str(0 if rest < 2 else 11 - rest)
    return either(rng, f"{body[:3]}.{body[3:6]}.{body[6:9]}-{body[9:]}", f"{body[:3]}.{body[3:6]}.{body[6:9]}-{body[9:]}", body)


def cn_ric(rng):
    area = rng.choice(("110101", "310104", "320102", "330106", "420106", "440305", "500103", "510104"))
    body = f"{area}{born(rng):%Y%m%d}{digits(rng, 3)}"
    return body + mod11_2(body)


def kr_rrn(rng):
    body = f"{born(rng):%y%m%d}{rng.choice('12')}{rng.randint(0, 90):02}{digits(rng, 3)}"
    return f"{body[:6]}-{body[6:]}{(11 - total(body, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10}"


def jp_my_number(rng):
    body = digits(rng, 11)
    rest = total(body[::-1], (2, 3, 4, 5, 6, 7, 2, 3, 4, 5, 6)) % 11
    n = body + str(0 if rest <= 1 else 11 - rest)
    return either(rng, n, f"{n[:4]} {n[4:8]} {n[8:]}")


def sg_nric(rng):
    kind, n = rng.choice("STFG"), digits(rng, 7)
    value = total(n, (2, 7, 6, 5, 4, 3, 2)) + (4 if kind in "TG" else 0)
    return kind + n + ("JZIHGFEDCBA" if kind in "ST" else "XWUTRQPNMLK")[value % 11]


def tw_id(rng):
    letter, n = rng.choice("ABCDEFGHJKLMNPQRSTUVXYWZIO"), rng.choice("12") + digits(rng, 7)
    code = 10 + "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(letter)
    value = code // 10 + code % 10 * 9 + total(n, range(8, 0, -1))
    return letter + n + str(-value % 10)


def in_aadhaar(rng):
    body = rng.choice("23456789") + digits(rng, 10)
    n = body + verhoeff(body)
    return either(rng, f"{n[:4]} {n[4:8]} {n[8:]}", n)


def in_pan(rng):
    return f"{pick(rng, UPPER, 3)}P{rng.choice(UPPER)}{rng.randint(1, 9999):04}{rng.choice(UPPER)}"


def au_tfn(rng):
    def draw():
        body = rng.choice("123456789") + digits(rng, 7)
        check = next((c for c in range(10) if (total(body, (1, 4, 3, 7, 5, 8, 6, 9)) + 10 * c) % 11 == 0), None)
        return None if check is None else f"{body}{check}"

    n = until(draw)
    return either(rng, f"{n[:3]} {n[3:6]} {n[6:]}", n)


# Things


def crypto_btc(rng):
    kind = rng.randrange(4)
    if kind < 2:
        return base58check((b"\0", b"\5")[kind] + rng.randbytes(20))
    return bech32(rng.randbytes(20)) if kind == 2 else bech32(rng.randbytes(32), 1)


def crypto_eth(rng):
    return eip55(rng.randbytes(20).hex())


def vin_(rng):
    letters = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
    body = rng.choice(("1HG", "WVW", "JTD", "VF1", "ZFA", "5YJ")) + pick(rng, letters, 5) + "0" + pick(rng, "ABCDEFGHJKLMNPRSTVWXY", 1) + rng.choice(UPPER[:8]) + digits(rng, 6)
    return body[:8] + vin(body) + body[9:]


def imei(rng):
    body = rng.choice(("35", "86", "01")) + digits(rng, 12)
    n = body + luhn(body)
    return either(rng, n, f"{n[:2]}-{n[2:8]}-{n[8:14]}-{n[14:]}")


def mac_address(rng):
    h = [f"{rng.randrange(16):x}{rng.choice('26ae')}"] + [f"{rng.randrange(1, 256):02x}" for _ in range(5)]
    colons = ":".join(h)
    return either(rng, colons, colons.upper(), "-".join(h).upper(), ".".join(("".join(h[i : i + 2]) for i in (0, 2, 4))))


def coordinates(rng):
    lat, lon = rng.uniform(35, 60), rng.uniform(1, 30)
    return either(rng, f"{lat:.5f}, {lon:.5f}", f"{lat:.6f},{lon:.6f}", f"{lat:.4f}° N, {lon:.4f}° E", f"{int(lat)}°{rng.randrange(60):02}'{rng.randrange(60):02}\"N {int(lon)}°{rng.randrange(60):02}'{rng.randrange(60):02}\"E")


def passport_mrz(rng):
    """TD3 of the specimen state Utopia; the name is no name."""
    number, birth, end = pick(rng, UPPER + string.digits, 9), f"{born(rng):%y%m%d}", f"{rng.randint(27, 35)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
    first = f"P<UTO{'SPECIMEN<<ORDINARY':<39}".replace(" ", "<")
    fields = [number + mrz(number), birth + mrz(birth), end + mrz(end), "<" * 14 + "0"]
    second = f"{fields[0]}UTO{fields[1]}{rng.choice('FM<')}{fields[2]}{fields[3]}"
    return f"{first}\n{second}{mrz(''.join(fields))}"


def date_of_birth(rng):
    day = born(rng)
    return either(rng, f"{day:%Y-%m-%d}", f"{day:%d.%m.%Y}", f"{day:%d/%m/%Y}", f"{day.day} {day:%B %Y}")
