#!/usr/bin/env python3
"""Labelled texts that no recognizer was tuned on: the values of `datasets/pii-gold`, in other surroundings, with other words.

    python blind.py OUT.jsonl [--seed N]

The gold's words became context words of the recognizers. Here the words are synonyms, inflected forms and column names
that nobody looked up there, and the surroundings are forms that the gold does not have. What is found wrong with it is
mended by a rule about the form, not by adding its words; and then it is no longer blind, so a new seed is a new draw of
values only.
"""

import argparse
import json
import pathlib
import random
import sys

GOLD = pathlib.Path(__file__).resolve().parents[3] / "datasets" / "pii-gold"
sys.path.insert(0, str(GOLD))
import generate  # noqa: E402
import words  # noqa: E402
from negatives import NEGATIVES, word  # noqa: E402

# label: words as people write them, and a key; a language is only there to choose a sentence.
OTHER = {
    "EMAIL": [("en", "inbox", "contact_email"), ("it", "posta elettronica", "indirizzoEmail"), ("pl", "adres e-mail", "adres_email")],
    "PHONE": [("en", "daytime phone no.", "contactPhone"), ("it", "cellulare", "numero_telefono"), ("nl", "telefoonnr.", "telefoonnummer"), ("es", "teléfono móvil", "telefonoMovil")],
    "IPV4": [("en", "peer", "remoteAddr"), ("fr", "adresse IP", "adresseIp")],
    "IPV6": [("en", "peer", "remoteAddr"), ("en", "AAAA", "aaaa")],
    "CREDIT_CARD": [("en", "Visa/MC", "cardNumber"), ("es", "tarjeta de crédito", "numeroTarjeta"), ("it", "carta di credito", "numero_carta")],
    "IBAN": [("en", "bank account (IBAN)", "bankAccount"), ("pl", "rachunek", "nrRachunku")],
    "US_SSN": [("en", "Social Security No.", "ssnNumber"), ("en", "SSN#", "patient_ssn")],
    "URL_CREDENTIALS": [("en", "connection string", "dsn")],
    "SECRET": [("en", "bearer token", "authToken"), ("en", "secret key", "SECRET_KEY")],
    "US_ITIN": [("en", "ITIN number", "itinNumber")],
    "US_EIN": [("en", "federal EIN", "companyEin"), ("en", "Employer ID (EIN)", "employerEin")],
    "US_ROUTING": [("en", "ABA routing no.", "routingNumber"), ("en", "RTN", "bankRouting")],
    "US_NPI": [("en", "NPI no.", "npiNumber")],
    "US_DEA": [("en", "DEA registration", "deaRegistration")],
    "US_MBI": [("en", "Medicare beneficiary identifier", "medicareId")],
    "CA_SIN": [("en", "S.I.N.", "sinNumber"), ("fr", "numéro d'assurance sociale", "numero_assurance_sociale")],
    "MX_CURP": [("es", "Clave Única de Registro", "curpPersona")],
    "UK_NHS": [("en", "NHS No.", "nhsNumber"), ("en", "NHS#", "patient_nhs")],
    "UK_NINO": [("en", "NINO", "ninoValue"), ("en", "Nat. Ins. no.", "nationalInsuranceNumber")],
    "IE_PPS": [("en", "PPS no.", "ppsNumber")],
    "DE_TAX_ID": [("de", "steuerliche Identifikationsnummer", "steuerIdNr"), ("de", "Steuer-IdNr.", "steuerlicheId")],
    "AT_SVNR": [("de", "SV-Nummer", "svNummer"), ("de", "Versicherungsnummer", "sozialversicherungsnr")],
    "CH_AHV": [("de", "AHV-Nr.", "ahvNr"), ("fr", "n° AVS", "noAvs")],
    "FR_NIR": [("fr", "n° de sécu", "numeroSecu"), ("fr", "n° de sécurité sociale", "securiteSociale")],
    "ES_NIF": [("es", "D.N.I.", "dniCliente"), ("es", "documento nacional de identidad", "documentoIdentidad")],
    "PT_NIF": [("pt", "n.º de contribuinte", "numeroContribuinte"), ("pt", "NIF do cliente", "nifCliente")],
    "IT_CF": [("it", "cod. fiscale", "codiceFiscale")],
    "NL_BSN": [("nl", "BSN-nummer", "bsnNummer"), ("nl", "sofinummer", "sofi_nummer")],
    "BE_NN": [("nl", "rijksregisternr.", "rijksregisterNr"), ("fr", "n° national", "numeroRegistreNational")],
    "PL_PESEL": [("pl", "nr PESEL", "peselKlienta")],
    "CZ_RC": [("cs", "r.č.", "rodneCislo")],
    "SE_PERSONNUMMER": [("sv", "persnr", "personNr"), ("sv", "person-/samordningsnummer", "personnummerKund")],
    "FI_HETU": [("fi", "henkilötunnuksesi", "henkiloTunnus")],
    "NO_FNR": [("no", "fødselsnr.", "fodselsnr")],
    "DK_CPR": [("da", "CPR-nr.", "cprNr")],
    "EE_IK": [("et", "isikukoodi", "isikuKood")],
    "GR_AMKA": [("el", "Α.Μ.Κ.Α.", "amkaNo")],
    "RO_CNP": [("ro", "C.N.P.", "cnpClient")],
    "BG_EGN": [("bg", "единен граждански номер", "egnNumber")],
    "HR_OIB": [("hr", "osobni identifikacijski broj", "oibBroj")],
    "TR_TCKN": [("tr", "kimlik numarası", "tcKimlikNo")],
    "IL_ID": [("he", "מספר זהות", "israeliId")],
    "ZA_ID": [("en", "SA ID", "saIdNumber")],
    "BR_CPF": [("pt", "C.P.F.", "cpfCliente")],
    "CN_RIC": [("zh", "居民身份证号", "idCardNo")],
    "KR_RRN": [("ko", "주민번호", "residentNumber")],
    "JP_MY_NUMBER": [("ja", "マイナンバー(個人番号)", "myNumber")],
    "SG_NRIC": [("en", "NRIC No.", "nricNo")],
    "TW_ID": [("zh", "身分證號碼", "twIdNumber")],
    "IN_AADHAAR": [("en", "Aadhar no", "aadhaarNumber"), ("en", "UIDAI number", "uidai")],
    "IN_PAN": [("en", "PAN no.", "panNumber")],
    "AU_TFN": [("en", "T.F.N.", "tfnNumber")],
    "CRYPTO_BTC": [("en", "bitcoin", "btcAddr")],
    "CRYPTO_ETH": [("en", "ethereum", "ethAddr")],
    "VIN": [("en", "chassis number", "vehicleVin"), ("fr", "numéro de châssis", "chassis")],
    "IMEI": [("en", "IMEI/SV", "imeiCode")],
    "MAC_ADDRESS": [("en", "physical address", "macAddr")],
    "COORDINATES": [("en", "lat/long", "latLng"), ("it", "coordinate GPS", "coordinateGps")],
    "DATE_OF_BIRTH": [("en", "born on", "birthDate"), ("en", "D.O.B.", "dobPatient"), ("nl", "geboren op", "geboorteDatum"), ("it", "nata il", "dataNascita"), ("sv", "född den", "fodelseDatum")],
}  # fmt: skip


def markdown(rng, name, key, value):
    return [f"| field | entry |\n|---|---|\n| {word(rng)} | ok |\n| {name} | ", *value, " |\n"]


def ini(rng, name, key, value):
    return [f"[{word(rng)}]\n{key} = ", *value, "\nactive = yes\n"]


def sql(rng, name, key, value):
    return [f"UPDATE {word(rng)} SET {key} = '", *value, f"' WHERE id = {rng.randint(1, 90)};\n"]


def xml(rng, name, key, value):
    return [f"<{word(rng)}><{key}>", *value, f"</{key}></{word(rng)}>\n"]


def call(rng, name, key, value):
    return [f"{word(rng)}({key}='", *value, "', force=True)\n"]


def query(rng, name, key, value):
    return [f"GET /{word(rng)}?page={rng.randint(1, 9)}&{key}=", *value, " HTTP/1.1\n"]


def form(rng, name, key, value):
    return [f"{name}:\n    ", *value, "\n"]


def aside(rng, name, key, value):
    return [f"{word(rng).capitalize()} called again ({name} ", *value, ") and asked for a copy.\n"]


def behind(rng, name, key, value):
    return ["Noted ", *value, f" as {name}.\n"]


def bullet(rng, name, key, value):
    return [f"  * {name} – ", *value, "\n  * done\n"]


def quoted(rng, name, key, value):
    return [f"> > {name}: ", *value, f"\n>\n> regards, {word(rng)}\n"]


SURROUNDINGS = (markdown, ini, sql, xml, call, query, form, aside, behind, bullet, quoted)


def place(rng, label, value):
    _, name, key = rng.choice(OTHER[label])
    around = rng.choice(SURROUNDINGS)
    if any(c in "".join(p if isinstance(p, str) else p[0] for p in value) for c in "\"' \n&"):
        around = rng.choice((markdown, form, aside, behind, bullet, quoted))
    return around(rng, name, key, value)


def rows(seed, count):
    rng = random.Random(seed)
    parts = [place(rng, label, generate.contact(rng, label)) for label in words.CONTACTS for _ in range(2 * count)]
    for label, (draw, _) in words.IDENTIFIERS.items():
        parts += [place(rng, label, [(draw(rng), label)]) for _ in range(count)]
    parts += [generate.trap(rng, why) for why in NEGATIVES for _ in range(count)]
    rng.shuffle(parts)
    for at, part in enumerate(parts):
        yield {"id": f"b{at:05}"} | generate.assembled(part)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--seed", type=int, default=90_217)
    parser.add_argument("--count", type=int, default=40, help="texts of each kind")
    asked = parser.parse_args()
    with open(asked.out, "w") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(asked.seed, asked.count))


if __name__ == "__main__":
    main()
