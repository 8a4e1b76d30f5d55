//! One name for what others call by many.

use crate::Entity;

/// Names of other tools and corpora, and the name here. The right side may be an entity that this version does not
/// find: gold and findings of another tool still have to meet.
const SYNONYMS: [(&str, &[&str]); 41] = [
    ("EMAIL", &["EMAIL_ADDRESS", "E_MAIL", "MAIL"]),
    ("PHONE", &["PHONE_NUMBER", "TELEPHONE", "TELEPHONE_NUMBER", "UK_PHONE_NUMBER", "TEL", "FAX"]),
    ("IPV4", &["IPV4_ADDRESS", "IP_V4"]),
    ("IPV6", &["IPV6_ADDRESS", "IP_V6"]),
    ("CREDIT_CARD", &["CREDITCARD", "CREDIT_CARD_NUMBER", "CARD_NUMBER", "PAYMENT_CARD"]),
    ("IBAN", &["IBAN_CODE", "IBAN_NUMBER"]),
    ("US_SSN", &["SSN", "SOCIAL_SECURITY_NUMBER", "SOCIALNUM"]),
    ("URL_CREDENTIALS", &["URL_PASSWORD", "URL_WITH_CREDENTIALS"]),
    ("SECRET", &["CREDENTIAL", "CREDENTIALS", "API_KEY", "TOKEN", "PASSWORD", "CONNECTION_STRING", "PRIVATE_KEY"]),
    ("PERSON", &["PER", "NAME", "PERSON_NAME"]),
    ("LOCATION", &["LOC", "GPE", "FAC"]),
    ("ADDRESS", &["STREET_ADDRESS"]),
    ("ORGANIZATION", &["ORG", "ORGANISATION", "COMPANY"]),
    ("DATE_OF_BIRTH", &["DOB", "BIRTHDATE", "BIRTH_DATE"]),
    ("DATE", &["DATE_TIME", "TIME"]),
    ("URL", &["DOMAIN_NAME", "URI"]),
    ("MAC_ADDRESS", &["MAC"]),
    ("CRYPTO_BTC", &["BTC_ADDRESS", "BITCOIN", "BITCOIN_ADDRESS"]),
    ("CRYPTO_ETH", &["ETH_ADDRESS", "ETHEREUM_ADDRESS"]),
    ("US_ITIN", &["ITIN"]),
    ("US_ROUTING", &["ABA_ROUTING_NUMBER", "ROUTING_NUMBER"]),
    ("US_NPI", &["NPI"]),
    ("US_DEA", &["DEA_NUMBER", "MEDICAL_LICENSE"]),
    ("UK_NHS", &["NHS", "NHS_NUMBER"]),
    ("UK_NINO", &["NINO", "NATIONAL_INSURANCE_NUMBER"]),
    ("DE_TAX_ID", &["STEUER_ID"]),
    ("ES_NIF", &["ES_NIE", "DNI"]),
    ("IT_CF", &["IT_FISCAL_CODE"]),
    ("PL_PESEL", &["PESEL"]),
    ("FI_HETU", &["FI_PERSONAL_IDENTITY_CODE"]),
    ("SG_NRIC", &["SG_NRIC_FIN"]),
    ("IN_AADHAAR", &["AADHAAR"]),
    ("POSTCODE", &["ZIP_CODE", "US_ZIP_CODE", "UK_POSTCODE", "DE_PLZ", "POSTALCODE", "POSTAL_CODE", "ZIP"]),
    ("USERNAME", &["USER_NAME", "HANDLE"]),
    ("MEDICAL_RECORD", &["MRN", "MEDICAL_RECORD_NUMBER"]),
    ("EU_VAT", &["DE_VAT_ID", "IT_VAT_CODE", "VAT"]),
    ("DE_KVNR", &["DE_HEALTH_INSURANCE"]),
    ("TR_TCKN", &["TR_NATIONAL_ID"]),
    ("ZA_ID", &["ZA_ID_NUMBER"]),
    ("JP_MY_NUMBER", &["JP_MYNUMBER"]),
    ("COORDINATES", &["COORDINATE", "GPS", "GEO_COORDINATES", "LATITUDE_LONGITUDE"]),
];

/// How names of single kinds of secrets begin and end.
const SECRET_START: &str = "SECRET_";
const SECRET_ENDS: [&str; 4] = ["_API_KEY", "_TOKEN", "_ACCESS_KEY", "_SECRET"];

/// The one name of `label`, whatever its case, with `_` for blanks and hyphens.
///
/// An entity's name is itself; a synonym is the entity it stands for; anything else is its own name in capitals. An IP
/// address of no version is `IPV6` if its `value` has a colon, else `IPV4`.
pub fn canonical(label: &str, value: &str) -> String {
    let name = label.trim().to_uppercase().replace([' ', '-'], "_");
    if name.parse::<Entity>().is_ok() {
        return name;
    }
    if ["IP", "IP_ADDRESS"].contains(&name.as_str()) {
        return String::from(if value.contains(':') { "IPV6" } else { "IPV4" });
    }
    let known = SYNONYMS.iter().find(|(_, synonyms)| synonyms.contains(&name.as_str())).map(|(entity, _)| *entity);
    let secret = || name.starts_with(SECRET_START) || SECRET_ENDS.iter().any(|end| name.ends_with(end));
    known.or_else(|| secret().then_some("SECRET")).map_or(name.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{SYNONYMS, canonical};
    use crate::Entity;

    #[test]
    fn entities_are_themselves_and_synonyms_meet() {
        for entity in Entity::ALL {
            assert_eq!(canonical(entity.as_str(), ""), entity.as_str());
            assert_eq!(canonical(&entity.as_str().to_lowercase(), ""), entity.as_str());
        }
        for (label, name) in [
            ("EMAIL_ADDRESS", "EMAIL"),
            ("phone number", "PHONE"),
            ("CreditCard", "CREDIT_CARD"),
            ("iban-code", "IBAN"),
            ("ssn", "US_SSN"),
            ("SECRET_AWS", "SECRET"),
            ("github_token", "SECRET"),
            ("PER", "PERSON"),
            ("starship", "STARSHIP"),
        ] {
            assert_eq!(canonical(label, ""), name);
        }
        assert_eq!(canonical("IP_ADDRESS", "11.2.3.4"), "IPV4");
        assert_eq!(canonical("ip", "2e00::1"), "IPV6");
    }

    #[test]
    fn a_synonym_stands_for_one_name_and_is_no_name_itself() {
        let mut seen = std::collections::BTreeSet::new();
        for (entity, synonyms) in SYNONYMS {
            for synonym in synonyms {
                assert!(seen.insert(synonym), "{synonym} twice");
                assert!(SYNONYMS.iter().all(|(name, _)| name != synonym), "{synonym} is a name");
                assert_eq!(canonical(synonym, ""), if synonym.parse::<Entity>().is_ok() { synonym } else { entity });
            }
        }
    }
}
