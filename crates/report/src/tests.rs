//! Tests on whole run folders, built in a temporary place with a ledger that is sealed like a real one.

mod editions;
mod figures;
mod fixture;
mod renderings;
mod schema;
mod tampering;
mod verification;
