//! Identifiers of Brazil, Mexico, Argentina, Chile and Colombia.

use super::Rule;
use super::check::{all_equal, eleven_minus, is_digit, is_yymmdd, number, value, weighted};
use crate::Entity;

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule {
        entity: Entity::BrCpf,
        name: "br-cpf",
        alone: &["999.999.999-99"],
        named: &["99999999999", "999999999-99", "999 999 999 99"],
        check: cpf,
        words: &["cpf", "cpf/mf", "cadastro de pessoas", "contribuinte"],
    },
    Rule {
        entity: Entity::BrCnpj,
        name: "br-cnpj",
        alone: &["XX.XXX.XXX/XXXX-XX"],
        named: &["XXXXXXXXXXXXXX", "XXXXXXXXXXXX-XX", "XXXXXXXX/XXXX-XX"],
        check: cnpj,
        words: &["cnpj", "cnpj/mf", "cadastro nacional", "pessoa jurídica"],
    },
    Rule {
        entity: Entity::MxCurp,
        name: "mx-curp",
        alone: &["XXXXXXXXXXXXXXXXXX"],
        named: &[],
        check: curp,
        words: &["curp", "clave única", "registro de población"],
    },
    Rule {
        entity: Entity::MxRfc,
        name: "mx-rfc",
        alone: &["XXXXXXXXXXXXX", "XXXX-XXXXXX-XXX", "XXXX XXXXXX XXX"],
        named: &["XXXXXXXXXXXX", "XXX-XXXXXX-XXX"],
        check: rfc,
        words: &["rfc", "r.f.c", "registro federal", "contribuyentes"],
    },
    Rule {
        entity: Entity::ArCuit,
        name: "ar-cuit",
        alone: &[],
        named: &["99-99999999-9", "99999999999", "99 99999999 9"],
        check: cuit,
        words: &["cuit", "cuil", "c.u.i.t", "c.u.i.l", "clave única"],
    },
    Rule {
        entity: Entity::ClRut,
        name: "cl-rut",
        alone: &[],
        named: &[
            "99.999.999-9", "99.999.999-A", "9.999.999-9", "9.999.999-A", "99999999-9", "99999999-A", "9999999-9",
            "9999999-A", "999999999", "99999999A",
        ],
        check: rut,
        words: &["rut", "run", "r.u.t", "r.u.n", "rol único", "cédula", "rol unico"],
    },
    Rule {
        entity: Entity::CoNit,
        name: "co-nit",
        alone: &[],
        named: &["999.999.999-9", "999999999-9", "9999999999", "999 999 999-9"],
        check: nit,
        words: &["nit", "n.i.t", "número de identificación tributaria", "rut"],
    },
];

/// Two mod 11 digits; eleven equal digits would pass and are not assigned (Receita Federal).
fn cpf(digits: &[u8]) -> bool {
    let check = |weights: &[u32]| eleven_minus(weighted(digits, weights), 0, 0);
    !all_equal(digits)
        && check(&[10, 9, 8, 7, 6, 5, 4, 3, 2]) == u32::from(digits[9])
        && check(&[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) == u32::from(digits[10])
}

/// Twelve letters or digits and two mod 11 digits; a letter counts its ASCII code less that of 0 (Receita Federal, IN
/// 2.229/2024: letters from July 2026).
fn cnpj(symbols: &[u8]) -> bool {
    let worth = |symbol: u8| if is_digit(symbol) { u32::from(symbol) } else { u32::from(symbol - b'0') };
    let check = |weights: &[u32]| {
        eleven_minus(symbols.iter().zip(weights).map(|(&symbol, weight)| worth(symbol) * weight).sum(), 0, 0)
    };
    !all_equal(symbols)
        && check(&[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) == u32::from(symbols[12])
        && check(&[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) == u32::from(symbols[13])
}

/// A letter's place in the alphabet with Ñ between N and O, behind the ten digits.
const fn spanish(symbol: u8) -> u32 {
    if symbol > b'N' { value(symbol) + 1 } else { value(symbol) }
}

/// Letters of the name, birth date, sex, state, letters of the name, one symbol more, mod 10 (RENAPO).
fn curp(symbols: &[u8]) -> bool {
    #[rustfmt::skip]
    const STATES: &[&[u8; 2]] = &[
        b"AS", b"BC", b"BS", b"CC", b"CL", b"CM", b"CS", b"CH", b"DF", b"DG", b"GT", b"GR", b"HG", b"JC", b"MC", b"MN",
        b"MS", b"NT", b"NL", b"OC", b"PL", b"QT", b"QR", b"SP", b"SL", b"SR", b"TC", b"TS", b"TL", b"VZ", b"YN", b"ZS",
        b"NE", b"CX",
    ];
    let letter = |place: usize| symbols[place].is_ascii_uppercase();
    let shape = (0..4).chain(10..16).all(letter) && symbols[4..10].iter().copied().all(is_digit);
    let sum: u32 = symbols[..17].iter().zip((2..=18).rev()).map(|(&symbol, weight)| spanish(symbol) * weight).sum();
    shape
        && matches!(symbols[10], b'H' | b'M' | b'X')
        && STATES.iter().any(|state| state[..] == symbols[11..13])
        && is_yymmdd(&symbols[4..10])
        && (10 - sum % 10) % 10 == u32::from(symbols[17])
}

/// Letters of the name (four of a person, three of a company), date, two symbols, mod 11 (SAT). Names with Ñ or & are
/// not read.
fn rfc(symbols: &[u8]) -> bool {
    let letters = symbols.len() - 9;
    let (name, rest) = symbols.split_at(letters);
    // An absent fourth letter counts as a space, which stands behind Z and Ñ.
    let filler = if letters == 3 { 37 * 13 } else { 0 };
    let weights = (2..=letters as u32 + 9).rev();
    let sum: u32 =
        filler + symbols[..symbols.len() - 1].iter().zip(weights).map(|(&s, weight)| spanish(s) * weight).sum::<u32>();
    let check = match eleven_minus(sum, 10, 0) {
        10 => b'A',
        digit => digit as u8,
    };
    name.iter().all(u8::is_ascii_uppercase)
        && rest[..6].iter().copied().all(is_digit)
        && is_yymmdd(rest)
        && rest.last() == Some(&check)
}

/// A prefix for the kind of person, mod 11 with ten written as 9 (ARCA).
fn cuit(digits: &[u8]) -> bool {
    let check = eleven_minus(weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]), 9, 0);
    matches!(number(&digits[..2]), 20 | 23..=27 | 30 | 33 | 34) && check == u32::from(digits[10])
}

/// Mod 11 with weights 2 to 7 from the right, ten written as K.
fn rut(symbols: &[u8]) -> bool {
    let [body @ .., check] = symbols else {
        return false;
    };
    if !body.iter().copied().all(is_digit) || number(body) < 1_000_000 {
        return false;
    }
    let sum = body.iter().rev().zip([2, 3, 4, 5, 6, 7, 2, 3]).map(|(&digit, weight)| u32::from(digit) * weight).sum();
    let expected = match eleven_minus(sum, 10, 0) {
        10 => b'K',
        digit => digit as u8,
    };
    *check == expected
}

/// Mod 11 with prime weights (DIAN).
fn nit(digits: &[u8]) -> bool {
    let rest = weighted(digits, &[41, 37, 29, 23, 19, 17, 13, 7, 3]) % 11;
    let check = if rest < 2 { rest } else { 11 - rest };
    digits[0] >= 1 && check == u32::from(digits[9])
}
