use proptest::prelude::*;

use super::*;
use crate::tests::seeded;
use crate::{Entity, Recognizer, recognizers, resolve};

/// Every recognizer behind one: looks at a text and its shadow.
struct Seen(Vec<Box<dyn Recognizer>>);

impl Seen {
    fn of(entity: Entity) -> Self {
        Self(recognizers(&[entity]))
    }

    fn drawn(&self, text: &str) -> String {
        let findings = resolve(crate::recognizer::look(&self.0, text, crate::decode::Encodings::default()));
        let inside = |at| findings.iter().any(|finding| finding.span.contains(&at));
        let carets: String = text.char_indices().map(|(at, _)| if inside(at) { '^' } else { ' ' }).collect();
        carets.trim_end().to_owned()
    }
}

#[test]
fn values_are_found_as_they_are_seen() {
    for (entity, text, picture) in [
        // Fullwidth, mathematical, Arabic, Devanagari digits.
        (Entity::Phone, "call ＋１ ２１２ ５５５ ０１４３ now", "     ^^^^^^^^^^^^^^^"),
        (Entity::Phone, "電話：０３－１２３４－５６７８。", "   ^^^^^^^^^^^^"),
        (Entity::Phone, "𝟮𝟭𝟮-𝟱𝟱𝟱-𝟬𝟭𝟰𝟯", "^^^^^^^^^^^^"),
        (Entity::Phone, "هاتف +٢٠ ٢ ٢٧٣٥ ١٢٣٤", "     ^^^^^^^^^^^^^^^"),
        (Entity::Phone, "call 212–555–0143", "     ^^^^^^^^^^^^"),
        (Entity::Phone, "call 2\u{fe0f}\u{20e3}1\u{fe0f}\u{20e3}2\u{fe0f}\u{20e3}-555-0143", "     ^^^^^^^^^^^^^^^^^^"),
        // A space of no width, look-alikes, another dot, another at.
        (Entity::Email, "to jo@exa\u{200b}mple.org.", "   ^^^^^^^^^^^^^^^"),
        (Entity::Email, "to jо@exаmple.org", "   ^^^^^^^^^^^^^^"),
        (Entity::Email, "邮箱ｊｏ＠example．org。", "  ^^^^^^^^^^^^^^"),
        (Entity::Email, "j\u{ad}o@example.org", "^^^^^^^^^^^^^^^"),
        // No-break and figure spaces, en dashes.
        (Entity::CreditCard, "4111\u{a0}1111\u{a0}1111\u{a0}1111", "^^^^^^^^^^^^^^^^^^^"),
        (Entity::CreditCard, "4111\u{2007}1111\u{2007}1111\u{2007}1111", "^^^^^^^^^^^^^^^^^^^"),
        (Entity::CreditCard, "4111–1111–1111–1111", "^^^^^^^^^^^^^^^^^^^"),
        (Entity::CreditCard, "4111\u{200b}1111\u{200b}1111\u{200b}1111", "^^^^^^^^^^^^^^^^^^^"),
        // Marks around a number are not part of it, marks inside are.
        (Entity::Iban, "IBAN \u{200f}DE89 3704 0044 0532 0130 00\u{200f} .", "      ^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
        (Entity::Iban, "DE89\u{200e} 3704 0044 0532 0130 00", "^^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
        (Entity::Iban, "ＤＥ８９３７０４００４４０５３２０１３０００", "^^^^^^^^^^^^^^^^^^^^^^"),
        (Entity::UsSsn, "５３６−９０−４３９９", "^^^^^^^^^^^"),
        (Entity::Ipv4, "93．184．216．34", "^^^^^^^^^^^^^"),
        (Entity::Secret, "password = \"tr0ub\u{200b}4dor\"", "            ^^^^^^^^^^"),
        (Entity::ChatControl, "<|im_\u{200b}start|>", "^^^^^^^^^^^^^"),
    ] {
        assert_eq!(Seen::of(entity).drawn(text), picture, "{entity} in {text:?}");
    }
}

#[test]
fn prose_of_other_scripts_gains_nothing() {
    let recognizers = recognizers(&Entity::ALL);
    for text in [
        "В 2024 году компания открыла 12 новых магазинов и наняла 1500 сотрудников.",
        "Η εταιρεία ιδρύθηκε το 1998 και απασχολεί 250 άτομα.",
        "تأسست الشركة عام ١٩٩٨ وتوظف ٢٥٠ شخصًا في ١٢ مدينة.",
        "会社は１９９８年に設立され、従業員は２５０人です。価格：３，５００円（税込）",
        "公司成立于2008年，员工约３５００人，覆盖１２０个城市。",
        "บริษัทก่อตั้งในปี ๒๕๔๑ มีพนักงาน ๒๕๐ คน",
        "कंपनी की स्थापना १९९८ में हुई, कर्मचारी २५० हैं।",
        "می‌خواهم ۲۰ کتاب بخرم",
        "Die Donau\u{ad}dampf\u{ad}schiff\u{ad}fahrt von 1990–2000, S. 12–15, 10\u{a0}000\u{a0}km",
        "f(x) = x² + 3·10⁵, ∀x ∈ ℝ, ℕ ⊂ ℤ, 𝑥 + 𝑦 = 𝟎",
        "👩\u{200d}💻 1️⃣ eins 2️⃣ zwei 🏴󠁧󠁢󠁷󠁬󠁳󠁿",
        "COVID-ом и SMS-ки, e-майл",
    ] {
        let found = crate::scan(&recognizers, text);
        assert!(found.is_empty(), "{text}: {found:?}");
    }
}

#[test]
fn only_what_looks_like_ascii_folds() {
    for (text, seen) in [
        ("plain", None),
        ("привет, мир", None),
        ("naïve “quotes” – a dash", None),
        ("年，Google推出", None),
        ("می\u{200c}خواهم", None),
        ("а", None),
        ("COVID-ом", None),
        ("pаypal", Some("paypal")),
        ("andré@exаmple", Some("andré@example")),
        ("x\u{200b}y\u{200b}", Some("xy")),
        ("１–２", Some("1-2")),
        ("e‑mail a–b", Some("e-mail a–b")),
        ("（０３） a（b）", Some("(03) a（b）")),
        ("5\u{a0}km, a\u{a0}b", Some("5 km, a\u{a0}b")),
    ] {
        assert_eq!(Shadow::of(text).map(|shadow| shadow.text).as_deref(), seen, "{text}");
        assert_eq!(folded(text), seen.unwrap_or(text));
    }
}

#[test]
fn normal_forms_and_surrogates_are_of_what_is_seen() {
    use crate::normal::canonical;
    assert_eq!(canonical("２１２ ５５５\u{200b}-０１４３", Entity::Phone), canonical("2125550143", Entity::Phone));
    assert_eq!(canonical("jо@exаmple.org", Entity::Email), "jo@example.org");
    let policy = crate::Policy::new(crate::Operator::Surrogate).with_key([7; 32]);
    let scrubbed = |text| {
        crate::scrub(&recognizers(&Entity::DEFAULT), text, &policy, &crate::Context::default()).text.into_owned()
    };
    assert_eq!(scrubbed("Call ＋１ ２１２ ７３６ ５０００."), scrubbed("Call +1 212 736 5000."));
}

/// The shadow and where each of its bytes comes from, one character after the other, by the table above.
fn slowly(text: &str) -> (String, Vec<usize>) {
    let characters: Vec<(usize, char)> = text.char_indices().collect();
    let (mut shadow, mut origins) = (String::new(), Vec::new());
    for (place, &(at, character)) in characters.iter().enumerate() {
        match seen_slowly(&characters, place) {
            Seems::Ascii(seen) => {
                shadow.push(char::from(seen));
                origins.push(at);
            }
            Seems::Nothing => {}
            Seems::Itself => {
                shadow.push(character);
                origins.extend(at..at + character.len_utf8());
            }
        }
    }
    (shadow, origins)
}

#[derive(Clone, Copy)]
enum Seems {
    Itself,
    Ascii(u8),
    Nothing,
}

fn seen_slowly(text: &[(usize, char)], place: usize) -> Seems {
    let glyph_at = |place: usize| text.get(place).map(|&(_, character)| glyph(character));
    let unseen = |place: &usize| glyph_at(*place) == Some(Glyph::Unseen);
    let nearest = |mut places: Box<dyn Iterator<Item = usize>>| {
        let found = places.find(|place| !unseen(place));
        found.and_then(|place| text.get(place)).map(|&(_, character)| character)
    };
    let before = |reach: usize| nearest(Box::new((place.saturating_sub(reach)..place).rev()));
    let after = |reach: usize| nearest(Box::new(place + 1..text.len().min(place + 1 + reach)));
    match glyph(text[place].1) {
        Glyph::Plain => Seems::Itself,
        Glyph::Digit(seen) | Glyph::Letter(seen) => Seems::Ascii(seen),
        Glyph::LookAlike(seen) => {
            let start = (0..=place).rev().take_while(|&at| word::in_word(text[at].1)).last().unwrap();
            let word: String = text[start..].iter().map(|&(_, c)| c).take_while(|&c| word::in_word(c)).collect();
            let latin = word.chars().any(|c| c.is_ascii_alphabetic());
            let other = word
                .chars()
                .any(|c| glyph(c) == Glyph::Plain && matches!(c, '\u{370}'..='\u{58f}' | '\u{1f00}'..='\u{1fff}'));
            if latin && !other { Seems::Ascii(seen) } else { Seems::Itself }
        }
        Glyph::Unseen => {
            let ascii = |c: Option<char>| c.is_none_or(|c| c.is_ascii() || glyph(c) != Glyph::Plain);
            if ascii(before(text.len())) && ascii(after(text.len())) { Seems::Nothing } else { Seems::Itself }
        }
        sign => {
            let (before, after) = (side(before(UNSEEN_MAX + 1)), side(after(UNSEEN_MAX + 1)));
            between(sign, before, after).map_or(Seems::Itself, Seems::Ascii)
        }
    }
}

/// Pieces that fold, or decide about what folds.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "Z",
        "1",
        "23",
        " ",
        ".",
        "@",
        "-",
        "(",
        "é",
        "中",
        "あ",
        "👩",
        "а",
        "е",
        "й",
        "ο",
        "λ",
        "ℝ",
        "１",
        "Ａ",
        "＠",
        "．",
        "（",
        "：",
        "，",
        "٣",
        "𝟗",
        "𝐚",
        "\u{200b}",
        "\u{200d}",
        "\u{ad}",
        "\u{fe0f}",
        "\u{20e3}",
        "\u{200f}",
        "\u{a0}",
        "\u{2007}",
        "\u{3000}",
        "–",
        "‑",
        "−",
        "\u{e0041}",
        "\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}",
    ]);
    prop_oneof![4 => prop::collection::vec(pieces, 0..16).prop_map(|pieces| pieces.concat()), 1 => any::<String>()]
}

proptest! {
    #![proptest_config(seeded(3000))]

    #[test]
    fn the_shadow_agrees_with_its_slow_twin(text in texts()) {
        let (slow, origins) = slowly(&text);
        let Some(shadow) = Shadow::of(&text) else {
            prop_assert_eq!(slow, text);
            return Ok(());
        };
        prop_assert_eq!(&shadow.text, &slow);
        prop_assert_ne!(&shadow.text, &text);
        let places: Vec<usize> = (0..slow.len()).map(|at| shadow.place(at)).collect();
        prop_assert_eq!(places, origins);
    }

    #[test]
    fn places_ascend_and_spans_lie_on_character_boundaries(text in texts(), start in 0_usize..40, length in 1_usize..20) {
        let Some(shadow) = Shadow::of(&text) else { return Ok(()) };
        prop_assert!((1..shadow.text.len()).all(|at| shadow.place(at - 1) < shadow.place(at)));
        let start = shadow.text.floor_char_boundary(start);
        let span = start..shadow.text.ceil_char_boundary(start + length);
        if !span.is_empty() {
            let original = shadow.original(&span);
            prop_assert!(!original.is_empty() && text.get(original.clone()).is_some());
            let ends = [text[original.clone()].chars().next(), text[original].chars().next_back()];
            prop_assert!(ends.iter().flatten().all(|&end| shadow.text[span.clone()].contains(end) || glyph(end) != Glyph::Unseen));
        }
    }

    #[test]
    fn ascii_is_its_own_shadow(text in "[ -~\n\t]{0,60}") {
        prop_assert!(Shadow::of(&text).is_none());
        prop_assert_eq!(&*folded(&text), &*text);
    }
}

thread_local! {
    static ALL: Vec<Box<dyn Recognizer>> = recognizers(&Entity::ALL);
}

proptest! {
    #![proptest_config(seeded(800))]

    #[test]
    fn looking_around_what_folds_agrees_with_looking_at_the_whole_shadow(
        parts in prop::collection::vec((texts(), crate::tests::shreds(), 0_usize..60), 0..6),
    ) {
        let text: String = parts.into_iter().map(|(text, shred, pad)| text + &shred + &"word and 7 ".repeat(pad)).collect();
        let Some(shadow) = Shadow::of(&text) else { return Ok(()) };
        let windows = crate::again::windows(shadow.text(), &shadow.places());
        let (mut near, mut whole, mut plain) = (Vec::new(), Vec::new(), Vec::new());
        ALL.with(|all| {
            for recognizer in all.iter().filter(|recognizer| recognizer.reads_shadows()) {
                recognizer.find_within(shadow.text(), &windows, &mut near);
                recognizer.find(shadow.text(), &mut whole);
                recognizer.find(&text, &mut plain);
            }
        });
        let together = |mut seen: Vec<crate::Finding>| {
            for finding in &mut seen {
                finding.span = shadow.original(&finding.span);
            }
            seen.extend(plain.iter().cloned());
            resolve(seen)
        };
        prop_assert_eq!(together(near), together(whole));
    }
}
