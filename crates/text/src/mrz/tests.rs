use super::*;
use crate::tests::silent;

/// The documents of ICAO 9303, parts 4 to 6, with the holder's names replaced.
const PASSPORT: [&str; 2] =
    ["P<UTOSPECIMEN<<INFO<<<<<<<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F3204153ZE184226B<<<<<16"];
const CARD: [&str; 3] =
    ["I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F3204153UTO<<<<<<<<<<<2", "SPECIMEN<<INFO<<<<<<<<<<<<<<<<"];
const OLD_CARD: [&str; 2] = ["I<UTOSPECIMEN<<INFO<<<<<<<<<<<<<<<<<", "D231458907UTO7408122F3204153<<<<<<<2"];

fn spans(text: &str) -> Vec<Range<usize>> {
    let mut findings = Vec::new();
    PassportMrz.find(text, &mut findings);
    findings.into_iter().map(|finding| finding.span).collect()
}

#[test]
fn documents_are_found_whole() {
    for lines in [&PASSPORT[..], &CARD, &OLD_CARD] {
        for between in ["\n", "\r\n", "\\n", "\n    "] {
            let document = lines.join(between);
            let text = format!("scan:\n{document}\nend");
            // Blanks before the first line belong to the text around.
            assert_eq!(spans(&text).len(), 1, "{text}");
            assert_eq!(spans(&text)[0], 6..6 + document.len(), "{text}");
        }
    }
    let two = format!("{}\n\n{}", PASSPORT.join("\n"), CARD.join("\n"));
    assert_eq!(spans(&two).len(), 2);
}

#[test]
fn a_wrong_check_digit_refuses_the_document() {
    for place in [9, 19, 27] {
        for digit in '0'..='9' {
            let mut line: Vec<char> = PASSPORT[1].chars().collect();
            let right = line[place];
            line[place] = digit;
            let text = format!("{}\n{}", PASSPORT[0], line.iter().collect::<String>());
            assert_eq!(spans(&text).len(), usize::from(digit == right), "{text}");
        }
    }
    let card = CARD.join("\n").replace("D231458907", "D231458908");
    assert!(spans(&card).is_empty());
}

#[test]
fn other_arrows_are_left_alone() {
    silent(
        &PassportMrz,
        &[
            "",
            "<<",
            "cout << X << Y;",
            "<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<",
            "<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<",
            "<<<<<<< HEAD\n=======\n>>>>>>>",
            PASSPORT[0],
            PASSPORT[1],
            "P<UTOSPECIMEN<<INFO<<<<<<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F3204153ZE184226B<<<<<16",
            "X<UTOSPECIMEN<<INFO<<<<<<<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F3204153ZE184226B<<<<<16",
            "P<UTOSPECIMEN<<INFO<<<<<<<<<<<<<<<<<<<<<<<<< L898902C36UTO7408122F3204153ZE184226B<<<<<16",
        ],
    );
}
