//! Control tokens of chat models, written out in text: `<|im_start|>`, `[INST]`, `<start_of_turn>`.
//!
//! Where a tokenizer reads them as what they name, whoever writes one into a text speaks as somebody else: a turn ends,
//! the system begins to talk. The operator `neutralise` puts a space behind their first character, which a reader hardly
//! sees and no tokenizer takes for a token. What is listed is written the same way by a whole family of models and means
//! nothing else in text; `<unk>`, `<pad>` and `[IMG]` do.
//!
//! `<s>` strikes out in HTML. It counts when it stands beside another control token, as in `<s>[INST]`, or when its other
//! half is missing.

use crate::finding::Rule;
use crate::{Entity, Finding, Recognizer};

const RULE: Rule = Rule::built_in("chat-control");
const SENTENCE: Rule = Rule::built_in("chat-control:sentence");

/// Tokens by family, from the tokenizers that the models are published with.
#[rustfmt::skip]
const FAMILIES: &[(&str, &[&str])] = &[
    ("ChatML: Qwen, Yi, SmolLM2, Phi 4", &[
        "<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|endoftext|>", "<|endofprompt|>", "<|vision_start|>",
        "<|vision_end|>", "<|image_pad|>", "<|video_pad|>", "<|object_ref_start|>", "<|object_ref_end|>",
        "<|box_start|>", "<|box_end|>",
    ]),
    ("Llama 3, 4", &[
        "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>",
        "<|python_tag|>", "<|finetune_right_pad_id|>", "<|header_start|>", "<|header_end|>", "<|eot|>", "<|eom|>",
    ]),
    ("Llama 2, Mistral", &[
        "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]",
        "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]",
    ]),
    ("Gemma", &["<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>", "<start_of_image>", "<end_of_image>"]),
    ("Phi 3, Zephyr, GLM", &[
        "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|observation|>", "<|tool|>", "<|tool_call|>",
        "<|/tool_call|>", "<|tool_response|>", "[gMASK]", "<sop>",
    ]),
    ("gpt-oss", &["<|start|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|return|>", "<|call|>", "<|startoftext|>"]),
    ("DeepSeek", &[
        "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<｜tool▁calls▁begin｜>",
        "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁outputs▁begin｜>",
        "<｜tool▁outputs▁end｜>", "<｜tool▁sep｜>", "<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>",
    ]),
    ("Command, Granite", &[
        "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>", "<|SYSTEM_TOKEN|>",
        "<BOS_TOKEN>", "<EOS_TOKEN>", "<|start_of_role|>", "<|end_of_role|>",
    ]),
    ("Code", &[
        "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>",
        "<fim_prefix>", "<fim_middle>", "<fim_suffix>",
    ]),
];

/// The two halves that HTML has too.
const SENTENCE_START: &str = "<s>";
const SENTENCE_END: &str = "</s>";

/// Spaces and line breaks that may stand between two tokens that belong together.
const GAP_MAX: usize = 2;

pub(crate) struct ChatControl {
    /// By the byte after the first; all begin with `<` or `[`.
    tokens: [Vec<&'static str>; 256],
}

impl ChatControl {
    pub(crate) fn new() -> Self {
        let mut tokens = [const { Vec::new() }; 256];
        for token in FAMILIES.iter().flat_map(|(_, tokens)| *tokens) {
            tokens[usize::from(token.as_bytes()[1])].push(*token);
        }
        Self { tokens }
    }

    /// The token that starts at `at`.
    fn token(&self, bytes: &[u8], at: usize) -> Option<&'static str> {
        let second = *bytes.get(at + 1)?;
        self.tokens[usize::from(second)].iter().copied().find(|token| bytes[at..].starts_with(token.as_bytes()))
    }
}

impl Recognizer for ChatControl {
    fn entities(&self) -> &[Entity] {
        &[Entity::ChatControl]
    }

    fn find(&self, text: &str, out: &mut Vec<Finding>) {
        let bytes = text.as_bytes();
        let mut sentences = Sentences::default();
        let mut end_of_last = None;
        for at in memchr::memchr2_iter(b'<', b'[', bytes) {
            if let Some(token) = self.token(bytes, at) {
                let end = at + token.len();
                out.push(finding(at, end, RULE, 0.95));
                sentences.token(bytes, at, end_of_last);
                end_of_last = Some(end);
            } else if bytes[at..].starts_with(SENTENCE_START.as_bytes()) {
                sentences.start(bytes, at, end_of_last);
            } else if bytes[at..].starts_with(SENTENCE_END.as_bytes()) {
                sentences.end(bytes, at, end_of_last);
            }
        }
        sentences.finish(out);
    }
}

fn finding(start: usize, end: usize, rule: Rule, confidence: f32) -> Finding {
    Finding { entity: Entity::ChatControl, span: start..end, confidence, rule }
}

/// The `<s>` and `</s>` of a text, in order, which belong together, and which stand beside a control token.
#[derive(Default)]
struct Sentences {
    found: Vec<Half>,
    /// Starts that wait for their end.
    open: Vec<usize>,
}

struct Half {
    start: usize,
    end: usize,
    other: Option<usize>,
    controls: bool,
}

impl Sentences {
    fn start(&mut self, bytes: &[u8], at: usize, token: Option<usize>) {
        self.open.push(self.found.len());
        self.push(bytes, at, SENTENCE_START, None, token);
    }

    fn end(&mut self, bytes: &[u8], at: usize, token: Option<usize>) {
        let other = self.open.pop();
        if let Some(other) = other {
            self.found[other].other = Some(self.found.len());
        }
        self.push(bytes, at, SENTENCE_END, other, token);
    }

    fn push(&mut self, bytes: &[u8], start: usize, half: &str, other: Option<usize>, token: Option<usize>) {
        let controls = token.is_some_and(|end| is_gap(bytes, end, start));
        self.found.push(Half { start, end: start + half.len(), other, controls });
    }

    /// A control token stands at `at`: the half right before it is one too.
    fn token(&mut self, bytes: &[u8], at: usize, last: Option<usize>) {
        let after_token = |half: &&mut Half| last.is_none_or(|last| half.start >= last);
        if let Some(half) = self.found.last_mut().filter(after_token) {
            half.controls |= is_gap(bytes, half.end, at);
        }
    }

    fn finish(self, out: &mut Vec<Finding>) {
        for half in &self.found {
            let other = half.other.map(|other| &self.found[other]);
            if half.controls || other.is_none_or(|other| other.controls) {
                out.push(finding(half.start, half.end, SENTENCE, 0.7));
            }
        }
    }
}

fn is_gap(bytes: &[u8], start: usize, end: usize) -> bool {
    end - start <= GAP_MAX && bytes[start..end].iter().all(u8::is_ascii_whitespace)
}

/// What the operator `neutralise` writes: no token any more, and nothing in it that is not seen.
pub(crate) fn neutralised(token: &str) -> String {
    let mut written: String = token.chars().filter(|&character| !crate::invisible::is_unseen(character)).collect();
    if let Some(first) = written.chars().next() {
        written.insert(first.len_utf8(), ' ');
    }
    written
}

#[cfg(test)]
mod tests;
