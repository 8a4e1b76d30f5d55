//! Top-level domains that people have mail under.
//!
//! Every country code in the root zone, the generic domains with real use, and the reserved names of RFC 2606 and RFC
//! 6762, which generated and internal data use. The full root zone has 1,400 names, among them `zip`, `mov` and `py`'s
//! cousins, that are file endings far more often than mail domains: those are left out on purpose.

/// Whether `label` is a known top-level domain, in any ASCII case, or a punycode one (`xn--…`).
pub(crate) fn is_known(label: &[u8]) -> bool {
    let mut buffer = [0_u8; LONGEST];
    if label.len() > 4 && label[..4].eq_ignore_ascii_case(b"xn--") {
        return true;
    }
    let Some(lower) = buffer.get_mut(..label.len()) else {
        return false;
    };
    lower.copy_from_slice(label);
    lower.make_ascii_lowercase();
    match std::str::from_utf8(lower) {
        Ok(name) if name.len() == 2 => COUNTRIES.binary_search(&name).is_ok(),
        Ok(name) => GENERIC.binary_search(&name).is_ok(),
        Err(_) => false,
    }
}

const LONGEST: usize = 13;

#[rustfmt::skip]
const COUNTRIES: &[&str] = &[
    "ac", "ad", "ae", "af", "ag", "ai", "al", "am", "ao", "aq", "ar", "as", "at", "au", "aw", "ax", "az", "ba", "bb",
    "bd", "be", "bf", "bg", "bh", "bi", "bj", "bm", "bn", "bo", "br", "bs", "bt", "bv", "bw", "by", "bz", "ca", "cc",
    "cd", "cf", "cg", "ch", "ci", "ck", "cl", "cm", "cn", "co", "cr", "cu", "cv", "cw", "cx", "cy", "cz", "de", "dj",
    "dk", "dm", "do", "dz", "ec", "ee", "eg", "er", "es", "et", "eu", "fi", "fj", "fk", "fm", "fo", "fr", "ga", "gb",
    "gd", "ge", "gf", "gg", "gh", "gi", "gl", "gm", "gn", "gp", "gq", "gr", "gs", "gt", "gu", "gw", "gy", "hk", "hm",
    "hn", "hr", "ht", "hu", "id", "ie", "il", "im", "in", "io", "iq", "ir", "is", "it", "je", "jm", "jo", "jp", "ke",
    "kg", "kh", "ki", "km", "kn", "kp", "kr", "kw", "ky", "kz", "la", "lb", "lc", "li", "lk", "lr", "ls", "lt", "lu",
    "lv", "ly", "ma", "mc", "md", "me", "mg", "mh", "mk", "ml", "mm", "mn", "mo", "mp", "mq", "mr", "ms", "mt", "mu",
    "mv", "mw", "mx", "my", "mz", "na", "nc", "ne", "nf", "ng", "ni", "nl", "no", "np", "nr", "nu", "nz", "om", "pa",
    "pe", "pf", "pg", "ph", "pk", "pl", "pm", "pn", "pr", "ps", "pt", "pw", "py", "qa", "re", "ro", "rs", "ru", "rw",
    "sa", "sb", "sc", "sd", "se", "sg", "sh", "si", "sj", "sk", "sl", "sm", "sn", "so", "sr", "ss", "st", "su", "sv",
    "sx", "sy", "sz", "tc", "td", "tf", "tg", "th", "tj", "tk", "tl", "tm", "tn", "to", "tr", "tt", "tv", "tw", "tz",
    "ua", "ug", "uk", "us", "uy", "uz", "va", "vc", "ve", "vg", "vi", "vn", "vu", "wf", "ws", "ye", "yt", "za", "zm",
    "zw",
];

#[rustfmt::skip]
const GENERIC: &[&str] = &[
    "academy", "accountant", "accountants", "actor", "adult", "aero", "africa", "agency", "airforce", "amsterdam",
    "apartments", "app", "archi", "army", "arpa", "art", "asia", "associates", "attorney", "auction", "audio", "auto",
    "autos", "baby", "band", "bank", "bar", "bargains", "basketball", "bayern", "bbc", "beauty", "beer", "berlin",
    "best", "bet", "bible", "bid", "bike", "bingo", "bio", "biz", "black", "blog", "blue", "bmw", "boats", "bosch",
    "boston", "boutique", "brussels", "build", "builders", "business", "buzz", "cab", "cafe", "camera", "camp",
    "capetown", "capital", "car", "cards", "care", "career", "careers", "cars", "casa", "cash", "casino", "cat",
    "catering", "center", "ceo", "charity", "chat", "cheap", "christmas", "church", "city", "claims", "cleaning",
    "click", "clinic", "clothing", "cloud", "club", "coach", "codes", "coffee", "college", "cologne", "com",
    "community", "company", "computer", "condos", "construction", "consulting", "contact", "contractors", "cooking",
    "cool", "coop", "corp", "corsica", "country", "coupons", "courses", "credit", "creditcard", "cricket", "cruises",
    "cymru", "dance", "dating", "deals", "degree", "delivery", "democrat", "dental", "dentist", "design", "dev",
    "diamonds", "diet", "digital", "direct", "directory", "discount", "doctor", "dog", "domains", "download", "earth",
    "eco", "edu", "education", "email", "energy", "engineer", "engineering", "enterprises", "equipment", "estate",
    "events", "example", "exchange", "expert", "exposed", "express", "fail", "faith", "family", "fan", "fans", "farm",
    "fashion", "feedback", "film", "finance", "financial", "fish", "fishing", "fit", "fitness", "flights", "florist",
    "flowers", "football", "forsale", "foundation", "fun", "fund", "furniture", "futbol", "fyi", "gallery", "games",
    "garden", "gay", "gifts", "gives", "glass", "global", "gmail", "gmbh", "gold", "golf", "google", "gov",
    "graphics", "gratis", "green", "gripe", "group", "guide", "guitars", "guru", "hair", "hamburg", "haus", "health",
    "healthcare", "help", "hiphop", "hiv", "hockey", "holdings", "holiday", "home", "homes", "horse", "hospital",
    "host", "hosting", "house", "ibm", "icu", "immo", "immobilien", "inc", "industries", "info", "ink", "institute",
    "insurance", "insure", "int", "internal", "international", "intranet", "invalid", "investments", "irish", "ist",
    "istanbul", "jetzt", "jewelry", "jobs", "kaufen", "kim", "kitchen", "kiwi", "koeln", "krd", "lan", "land", "lat",
    "law", "lawyer", "lease", "legal", "lgbt", "life", "lighting", "limited", "limo", "link", "live", "llc", "loan",
    "loans", "local", "localdomain", "localhost", "lol", "london", "lotto", "love", "ltd", "ltda", "luxe", "luxury",
    "madrid", "management", "market", "marketing", "markets", "mba", "media", "melbourne", "memorial", "men", "menu",
    "miami", "mil", "mobi", "moda", "moe", "mom", "money", "monster", "mortgage", "moscow", "motorcycles", "movie",
    "museum", "nagoya", "name", "net", "network", "news", "ngo", "ninja", "nrw", "nyc", "okinawa", "one", "onion",
    "onl", "online", "org", "organic", "osaka", "ovh", "paris", "partners", "parts", "party", "pet", "pharmacy",
    "photo", "photography", "photos", "physio", "pics", "pictures", "pink", "pizza", "place", "plumbing", "plus",
    "poker", "porn", "post", "press", "pro", "productions", "promo", "properties", "property", "protection", "pub",
    "quebec", "quest", "racing", "realestate", "recipes", "red", "rehab", "reise", "reisen", "rent", "rentals",
    "repair", "report", "republican", "rest", "restaurant", "reviews", "rich", "rip", "rocks", "rodeo", "ruhr",
    "ryukyu", "saarland", "sale", "salon", "sap", "sarl", "school", "schule", "science", "scot", "security",
    "services", "sex", "sexy", "shiksha", "shoes", "shop", "shopping", "show", "siemens", "singles", "site", "ski",
    "skin", "sky", "soccer", "social", "software", "solar", "solutions", "soy", "space", "sport", "storage", "store",
    "studio", "style", "sucks", "supplies", "supply", "support", "surf", "surgery", "swiss", "sydney", "systems",
    "taipei", "tatar", "tattoo", "tax", "taxi", "team", "tech", "technology", "tel", "tennis", "test", "theater",
    "theatre", "tickets", "tienda", "tips", "tires", "tirol", "today", "tokyo", "tools", "top", "tours", "town",
    "toys", "trade", "trading", "training", "travel", "tube", "university", "uno", "vacations", "vegas", "ventures",
    "vet", "viajes", "video", "villas", "vin", "vip", "vision", "vlaanderen", "vodka", "vote", "voting", "voyage",
    "wales", "wang", "watch", "website", "wedding", "wien", "wiki", "win", "wine", "work", "works", "world", "wtf",
    "xyz", "yachts", "yoga", "yokohama", "zone",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_lower_case_and_fit_the_buffer() {
        for table in [COUNTRIES, GENERIC] {
            assert!(table.is_sorted_by(|a, b| a < b));
            assert!(table.iter().all(|name| name.len() <= LONGEST && name.bytes().all(|b| b.is_ascii_lowercase())));
        }
        assert!(COUNTRIES.iter().all(|name| name.len() == 2));
    }

    #[test]
    fn known_and_unknown() {
        for known in
            ["com", "COM", "Org", "de", "io", "museum", "xn--p1ai", "test", "invalid", "example", "photography"]
        {
            assert!(is_known(known.as_bytes()), "{known}");
        }
        for unknown in ["", "c", "png", "js", "json", "zip", "zz", "xn--", "3", "co1", "é", "averyveryverylonglabel"] {
            assert!(!is_known(unknown.as_bytes()), "{unknown}");
        }
    }
}
