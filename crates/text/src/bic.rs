//! Codes of banks (ISO 9362): eight or eleven capitals beside a word such as `swift`.
//!
//! Four letters of the bank, two of the country, two of the place and perhaps three of the branch. Any word of eight
//! capitals looks like one, so the word nearby decides and the country must exist.

use crate::context::Words;
use crate::finding::Rule;
use crate::{Entity, Finding, Recognizer, boundary, context};

const RULE: Rule = Rule::built_in("bic");

static WORDS: Words = Words::new(&["bic", "swift", "swift code", "bic code", "bic/swift", "swift/bic"]);

/// Countries of ISO 3166-1.
#[rustfmt::skip]
const COUNTRIES: &[u8] = b"\
ADAEAFAGAIALAMAOARATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBWBYBZCACDCFCGCHCICKCLCMCNCOCRCUCVCWCYCZDEDJDKDMDODZECEEEG\
ERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGTGUGWGYHKHNHRHTHUIDIEILIMINIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLI\
LKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPRPSPTPWPYQARERORS\
RURWSASBSCSDSESGSHSISKSLSMSNSOSRSSSTSVSXSYSZTCTDTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUSUYUZVAVCVEVGVIVNVUWFWSXKYEYTZAZMZW";

pub(crate) struct Bic;

impl Recognizer for Bic {
    fn entities(&self) -> &[Entity] {
        &[Entity::Bic]
    }

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(start) = bytes[at..].iter().position(u8::is_ascii_uppercase).map(|offset| at + offset) {
            let length = bytes[start..].iter().take_while(|byte| boundary::is_word(**byte)).count();
            at = start + length;
            let span = start..at;
            if is_code(&bytes[span.clone()])
                && !boundary::word_before(bytes, start)
                && context::mentioned(bytes, &span, 32, 16, &WORDS)
            {
                out.push(Finding { entity: Entity::Bic, span, confidence: 0.8, rule: RULE });
            }
        }
    }
}

fn is_code(word: &[u8]) -> bool {
    matches!(word.len(), 8 | 11)
        && word[..6].iter().all(u8::is_ascii_uppercase)
        && word[6..].iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        && COUNTRIES.as_chunks::<2>().0.iter().any(|country| country[..] == word[4..6])
}

#[cfg(test)]
mod tests;
