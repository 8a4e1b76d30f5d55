//! One hash that names the rules a corpus was scrubbed with.

use crate::{CustomRule, Entity, RulePack, secret};

/// Raised by whoever changes what any built-in recognizer or operator does.
const RULES_VERSION: u32 = 3;

/// The hash of a rule set, 64 hexadecimal digits.
///
/// Equal for equal rules whatever the order or repetition of `entities` and whatever the order of `custom` and `packs`;
/// different when an entity, a custom rule, the content of a pack or the version of the built-in rules differs.
pub fn rule_set_digest(entities: &[Entity], custom: &[CustomRule], packs: &[RulePack]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("privet rule set");
    hasher.update(&RULES_VERSION.to_le_bytes());
    let mut field = |value: &str| {
        hasher.update(&(value.len() as u64).to_le_bytes()).update(value.as_bytes());
    };
    for entity in Entity::ALL.iter().filter(|entity| entities.contains(entity)) {
        field(entity.as_str());
    }
    if entities.contains(&Entity::Secret) {
        field(secret::PACK);
    }
    let mut packs: Vec<_> = packs.iter().map(RulePack::digest).collect();
    packs.sort_unstable();
    for pack in packs {
        field("pack");
        field(pack);
    }
    let mut custom: Vec<_> =
        custom.iter().map(|rule| (&rule.name, rule.entity, &rule.pattern, &rule.literals)).collect();
    custom.sort();
    for (name, entity, pattern, literals) in custom {
        field("custom");
        field(entity.map_or("", Entity::as_str));
        field(name);
        field(pattern);
        // A count before the list: without it, a literal could be mistaken for the next rule's name.
        field(&literals.len().to_string());
        for literal in literals {
            field(literal);
        }
    }
    hasher.finalize().to_hex().to_string()
}
