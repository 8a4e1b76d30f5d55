//! What a user reads when something does not work, and the exit code a script reads.
//!
//! A failure says what, where and why, each in a line of its own, and ends with the next command. The three never hold
//! text from a corpus: they name files, rows, columns and keys. A panic is a bug of privet; its payload is *not*
//! printed, because a panic message may quote the value that caused it.

mod sources;

use std::panic::PanicHookInfo;

/// How the process ends. The numbers are an interface: scripts branch on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything asked for was done.
    Done = 0,
    /// A gate the caller set is not met (`report --check --max-epsilon`).
    Gate = 1,
    /// The command line or the config is wrong.
    Usage = 2,
    /// An input cannot be read, or some inputs were quarantined and the rest was done.
    Input = 3,
    /// A file format that can run code was refused.
    UnsafeFormat = 4,
    /// A ledger, digest or signature does not verify.
    Verification = 5,
    /// The privacy budget is spent; a checkpoint is saved.
    Budget = 6,
    /// A self-test or the guarantee itself is violated.
    Guarantee = 7,
    /// Memory, disk or another limit of the machine.
    Resource = 8,
    /// A bug in privet.
    Bug = 70,
    /// Stopped by a signal; the same command goes on from there.
    Interrupted = 130,
}

/// One thing that went wrong, ready to be printed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) what: String,
    pub(crate) place: Option<String>,
    pub(crate) why: Vec<String>,
    pub(crate) help: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), place: None, why: Vec::new(), help: None }
    }

    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// File, row, column or argument.
    pub(crate) fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// One line of reasons; may be called again for another line.
    pub(crate) fn why(mut self, why: impl Into<String>) -> Self {
        self.why.push(why.into());
        self
    }

    /// The next command, or the change to make.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The message, without a newline at the end.
    pub(crate) fn render(&self, colour: bool) -> String {
        let (red, bold, cyan, off) =
            if colour { ("\x1b[1;31m", "\x1b[1m", "\x1b[1;36m", "\x1b[0m") } else { ("", "", "", "") };
        let mut lines = vec![format!("{red}error:{off} {bold}{}{off}", self.what)];
        if let Some(place) = &self.place {
            lines.push(format!("  where: {place}"));
        }
        for (index, why) in self.why.iter().enumerate() {
            lines.push(format!("  {} {why}", if index == 0 { "why:  " } else { "      " }));
        }
        if let Some(help) = &self.help {
            lines.push(format!("{cyan}help:{off} {help}"));
        }
        lines.join("\n")
    }
}

/// The text of a panic: where it happened, and nothing of what it said.
pub(crate) fn panic_message(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map_or_else(
        || String::from("an unknown place"),
        |location| format!("{}:{}:{}", tail(location.file()), location.line(), location.column()),
    );
    Failure::new(Exit::Bug, "privet has a bug and stopped")
        .at(place)
        .why("the program's own message is withheld, because it may quote private text")
        .help("run the same command again to resume; report the place above with the version (`privet --version`)")
        .render(false)
}

/// The last parts of a source path: enough to find the line, without the folders of the machine that built it.
fn tail(path: &str) -> String {
    let parts: Vec<&str> = path.split(['/', '\\']).collect();
    parts[parts.len().saturating_sub(4)..].join("/")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::{Exit, Failure, panic_message, tail};

    #[test]
    fn a_failure_reads_what_where_why_help() {
        let failure = Failure::usage("unknown key `lora_rank` in [model]")
            .at("a.toml:3:1")
            .why("did you mean `lora_r`?")
            .why("keys of [model]: base_model, lora_r")
            .help("edit a.toml");
        assert_eq!(failure.exit, Exit::Usage);
        assert_eq!(
            failure.render(false),
            "error: unknown key `lora_rank` in [model]\n  where: a.toml:3:1\n  why:   did you mean `lora_r`?\n         \
             keys of [model]: base_model, lora_r\nhelp: edit a.toml"
        );
    }

    #[test]
    fn a_panic_is_told_without_its_own_words() {
        let heard = Arc::new(Mutex::new(String::new()));
        let writes = Arc::clone(&heard);
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| *writes.lock().unwrap() = panic_message(info)));
        let caught = std::panic::catch_unwind(|| panic!("a line of somebody's letter"));
        std::panic::set_hook(before);
        assert!(caught.is_err());
        let text = heard.lock().unwrap().clone();
        assert!(text.contains("failure.rs:") && text.contains("help: "), "{text}");
        assert!(!text.contains("letter"), "{text}");
    }

    #[test]
    fn a_source_path_loses_the_folders_of_the_build_machine() {
        assert_eq!(tail("/home/x/.cargo/registry/src/host-1/burn-0.21.0/src/a/b.rs"), "burn-0.21.0/src/a/b.rs");
        assert_eq!(tail("crates/cli/main.rs"), "crates/cli/main.rs");
    }
}
