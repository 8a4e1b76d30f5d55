//! A wall between malformed input and the rest of the process.
//!
//! The Parquet decoder treats a panic on malformed bytes as an ordinary defect, so every call into it goes
//! through [`caught`]. A panic's message may quote the text it failed on (slicing inside a character does),
//! and the standard hook prints it to stderr; so the hook stays silent for the guarded thread.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; `None` means it panicked, and nothing was printed about it.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                before(info);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_none_and_the_guard_is_lifted_after_it() {
        assert_eq!(caught(|| 7), Some(7));
        assert_eq!(caught(|| -> u8 { panic!("quoted text") }), None);
        assert!(!GUARDED.get());
    }

    #[test]
    fn guards_nest() {
        let inner = caught(|| {
            let none = caught(|| -> u8 { panic!("inner") });
            (none, GUARDED.get())
        });
        assert_eq!(inner, Some((None, true)));
    }
}
