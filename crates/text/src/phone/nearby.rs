//! The words that make digits a telephone number, in the languages of most corpora, and the words that forbid it.

use super::plan::Needs;
use crate::context::Words;
use crate::{boundary, context};

#[rustfmt::skip]
static WORDS: Words = Words::new(&[
    "tel", "tél", "tele", "telephone", "telephones", "téléphone", "telefon", "telefono", "teléfono", "telefone",
    "telefoon", "telefonnummer", "telefoonnummer", "puhelin", "phone", "phones", "telno", "phoneno",
    "cellphone", "smartphone", "ph", "call", "dial", "fax", "telefax", "mobile", "mobil", "móvil", "movil",
    "cellular", "gsm", "whatsapp", "voicemail", "hotline", "helpline", "landline", "rufnummer", "handynummer",
    "numéro", "电话", "手机", "電話", "携帯", "тел", "телефон",
]);

/// Words that support a number only when it is written in groups.
#[rustfmt::skip]
static WEAK_WORDS: Words = Words::new(&[
    "office", "desk", "contact", "reach", "messages", "message", "answering", "ring", "ext", "extension",
    "calls", "called", "calling", "dialed", "cell", "handy", "portable", "text",
]);

#[rustfmt::skip]
static OTHER_WORDS: Words = Words::new(&[
    "isbn", "isbn-13", "isbn-10", "issn", "doi", "sku", "order", "invoice", "part", "serial", "model",
    "version", "v", "ver", "tracking", "zip", "asin", "ean", "upc", "ssn", "iban", "imei", "timestamp", "date",
    "case", "ticket", "issue", "commit", "port", "pid", "card", "order no", "case no", "invoice no",
    "order number", "case number", "ticket number", "tracking number",
]);

/// The words near a number, looked up at most once each.
pub(super) struct Nearby<'a> {
    bytes: &'a [u8],
    start: usize,
    strong_before: Option<bool>,
    strong_on_line: Option<bool>,
    weak_before: Option<bool>,
    denied: Option<bool>,
}

impl<'a> Nearby<'a> {
    pub(super) const fn new(bytes: &'a [u8], start: usize) -> Self {
        Self { bytes, start, strong_before: None, strong_on_line: None, weak_before: None, denied: None }
    }

    pub(super) fn supports(&mut self, end: usize, needs: Needs) -> bool {
        let (bytes, start) = (self.bytes, self.start);
        // A comma between digits is a list of values or a price; only a shape that speaks for itself may stand there.
        let listed = boundary::tied_before(bytes, start, b",") || boundary::tied_after(bytes, end, b",");
        if listed && needs != Needs::Nothing {
            return false;
        }
        if *self.denied.get_or_insert_with(|| context::announced(bytes, start, &OTHER_WORDS)) {
            return false;
        }
        let before = |reach, words| context::mentioned(bytes, &(start..start), reach, 0, words);
        let after = |reach, words| context::mentioned(bytes, &(end..end), 0, reach, words);
        match needs {
            Needs::Nothing => true,
            Needs::Word => {
                *self.strong_before.get_or_insert_with(|| before(48, &WORDS))
                    || *self.weak_before.get_or_insert_with(|| before(48, &WEAK_WORDS))
                    || after(16, &WORDS)
                    || after(16, &WEAK_WORDS)
            }
            // Bare digits in a column under a word are a table far more often than a number to call; only a label
            // with its colon, as in `Phone:`, may stand on the line above.
            Needs::StrongWord => {
                let ahead = bytes[end..].iter().take(12).take_while(|&&byte| byte != b'\n').count();
                let line = |until: usize| {
                    until - bytes[..until].iter().rev().take(48).take_while(|&&byte| byte != b'\n').count()
                };
                let begin = line(start);
                let labelled = begin == start && bytes[..start].ends_with(b":\n");
                let behind = start - if labelled { line(start - 1) } else { begin };
                let label =
                    bytes[..start].trim_ascii_end().ends_with(b":") && context::announced(bytes, start, &WEAK_WORDS);
                label || *self.strong_on_line.get_or_insert_with(|| before(behind, &WORDS)) || after(ahead, &WORDS)
            }
        }
    }
}
