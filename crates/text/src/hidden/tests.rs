use super::*;
use crate::tests::silent;

/// Each text with its unseen characters in braces, `{200b}`, and how many of them are found.
fn found(written: &str) -> String {
    let text = read(written);
    let mut findings = Vec::new();
    InvisibleText.find(&text, &mut findings);
    let inside = |at| findings.iter().any(|finding| finding.span.contains(&at));
    let codes = text.char_indices().filter(|(at, _)| inside(*at)).map(|(_, c)| format!("{:x} ", u32::from(c)));
    codes.collect::<Vec<_>>().concat()
}

fn read(written: &str) -> String {
    let mut parts = written.split('{');
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}').unwrap();
        text.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
        text += rest;
    }
    text
}

#[test]
fn what_nobody_sees_is_found() {
    for (written, expected) in [
        ("pass{200b}word", "200b "),
        ("a{200d}b{200c}c", "200d 200c "),
        ("a {200b}{200b}{2060} b", "200b 200b 2060 "),
        ("212{ad}555", "ad "),
        ("word {feff}word", "feff "),
        ("if {202e}admin{202c} {2066}x{2069}", "202e 202c 2066 2069 "),
        ("שלום {202e}abc", "202e "),
        ("hello{e0041}{e0042}{e007f}", "e0041 e0042 e007f "),
        // A flag whose tags go on is no flag.
        ("\u{1f3f4}{e0067}{e0062}{e0065}{e006e}{e0067}{e007f}{e0041}", "e0041 "),
        ("\u{1f3f4}{e0067}{e0062}{e0065}", "e0067 e0062 e0065 "),
        // Bytes written as selectors behind an emoji: the first is the emoji's.
        ("\u{1f600}{fe0f}{e0121}{e0122}", "e0121 e0122 "),
        ("\u{1f600}{e0121}", "e0121 "),
        ("a{fe0f}b", "fe0f "),
        ("name: {3164}", "3164 "),
        ("{200f}abc", "200f "),
        ("x{fff9}y{fffb}", "fff9 fffb "),
    ] {
        assert_eq!(found(written), expected, "{written}");
    }
}

#[test]
fn what_has_a_use_stays() {
    let useful = [
        "",
        "plain ASCII",
        "naïve café 电话 🙂 “quotes” – dashes… a\u{a0}b",
        "{feff}a mark at the start",
        "Donau{ad}dampf{ad}schiff",
        // Persian with its non-joiner, Hindi and Bengali with joiners.
        "می{200c}خواهم",
        "क्{200d}ष और র{200d}্য",
        "สวัสดี{200b}ครับ ភាសា{200b}ខ្មែរ",
        // A family, a heart on fire, a rainbow flag, the flag of Wales, keycaps.
        "👨{200d}👩{200d}👧{200d}👦 ❤{fe0f}{200d}🔥 🏳{fe0f}{200d}🌈",
        "👩🏽{200d}💻 👷🏿{200d}♀{fe0f}",
        "\u{1f3f4}{e0067}{e0062}{e0077}{e006c}{e0073}{e007f}",
        "1{fe0f}{20e3} #{fe0f}{20e3} ☎{fe0e} ©{fe0f}",
        "葛{e0100}城市",
        "אבג (1) {200f}! and {200e}C++ בעברית",
        "قال {2067}abc{2069} ثم {202b}x{202c}",
        "f{2061}(x)",
    ];
    for written in useful {
        assert_eq!(found(written), "", "{written}");
    }
    silent(&InvisibleText, &["ᠮᠣᠩᠭᠣᠯ\u{180b}", "\u{1112}\u{115f}\u{1161}"]);
}
