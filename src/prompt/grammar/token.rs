//! Splits a prompt into tokens that remember where they stand, so that everything that is not rewritten stays byte for byte.

use std::ops::Range;

/// What a token is before any grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters, with digits and inner hyphens: `walks`, `close-up`, `35mm`. Clitics are words of their own: `'s`, `n't`.
    Word,
    /// Digits only: `2`, `1.5`.
    Number,
    /// A comma, bracket, slash or dash: a phrase may end here.
    Comma,
    /// A full stop, semicolon, colon, bar, exclamation mark or empty line: the sentence ends here.
    Stop,
    /// A question mark: the sentence ends here and was a question.
    Question,
    /// Everything between two quotation marks, marks included: its grammar is not looked at.
    Quoted,
}

/// A token: its bytes in the prompt and its lower-case text with a straight apostrophe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub range: Range<usize>,
    pub lower: String,
    pub kind: Kind,
}

impl Token {
    /// Whether the token ends a sentence.
    pub fn ends_sentence(&self) -> bool {
        matches!(self.kind, Kind::Stop | Kind::Question)
    }
}

/// The tokens of `prompt` in order. Characters that are neither words nor punctuation (emoji, symbols) are left out.
pub(super) fn tokens(prompt: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = char_at(prompt, at) {
        let end = if is_word_char(c) {
            word(prompt, at, &mut out)
        } else if c.is_whitespace() {
            blank(prompt, at, &mut out)
        } else {
            mark(prompt, at, c, &mut out)
        };
        at = end.max(at + c.len_utf8());
    }
    out
}

fn char_at(text: &str, at: usize) -> Option<char> {
    text.get(at..)?.chars().next()
}

fn char_before(text: &str, at: usize) -> Option<char> {
    text.get(..at)?.chars().next_back()
}

/// Letters, digits and combining accents.
fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&c)
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | 'ʼ')
}

fn push(out: &mut Vec<Token>, prompt: &str, range: Range<usize>, kind: Kind) {
    let text = prompt.get(range.clone()).unwrap_or_default();
    let lower = text.to_lowercase().replace(['’', 'ʼ'], "'");
    out.push(Token { range, lower, kind });
}

/// A run of white space: two line breaks end a sentence.
fn blank(prompt: &str, at: usize, out: &mut Vec<Token>) -> usize {
    let rest = prompt.get(at..).unwrap_or_default();
    let length = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
    if rest.get(..length).unwrap_or_default().matches('\n').count() > 1 {
        push(out, prompt, at..at + length, Kind::Stop);
    }
    at + length
}

/// A word from `at`, with its clitics split off. Returns where it ends.
fn word(prompt: &str, at: usize, out: &mut Vec<Token>) -> usize {
    let mut end = at;
    while let Some(c) = char_at(prompt, end) {
        let next = end + c.len_utf8();
        let inner = matches!(c, '-' | '‐' | '.' | ',') || is_apostrophe(c);
        let joins = inner && char_at(prompt, next).is_some_and(|after| joins(prompt, at, end, c, after));
        if !is_word_char(c) && !joins {
            break;
        }
        end = next;
    }
    let text = prompt.get(at..end).unwrap_or_default();
    if text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',')) {
        push(out, prompt, at..end, Kind::Number);
        return end;
    }
    let split = clitic(text).map_or(end, |length| end - length);
    if split > at {
        push(out, prompt, at..split, Kind::Word);
    }
    if split < end {
        push(out, prompt, split..end, Kind::Word);
    }
    end
}

/// Whether `mark` between `at..end` and `after` is inside one word or number.
fn joins(prompt: &str, at: usize, end: usize, mark: char, after: char) -> bool {
    let digit_before = char_before(prompt, end).is_some_and(|c| c.is_ascii_digit());
    match mark {
        '.' | ',' => {
            digit_before
                && after.is_ascii_digit()
                && prompt
                    .get(at..end)
                    .is_some_and(|text| text.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ','))
        }
        _ => is_word_char(after),
    }
}

/// How many bytes of `word` are a clitic: `n't`, `'s`, `'re`, `'ve`, `'ll`, `'d`, `'m`.
fn clitic(word: &str) -> Option<usize> {
    let at = word.char_indices().rev().find(|&(_, c)| is_apostrophe(c))?.0;
    let mark = word.get(at..)?.chars().next()?.len_utf8();
    let tail = word.get(at + mark..)?.to_ascii_lowercase();
    match tail.as_str() {
        "s" | "re" | "ve" | "ll" | "d" | "m" => Some(word.len() - at),
        "t" if word.get(..at)?.ends_with(['n', 'N']) => Some(word.len() - at + 1),
        _ => None,
    }
}

/// A punctuation mark or a quotation. Returns where it ends.
fn mark(prompt: &str, at: usize, c: char, out: &mut Vec<Token>) -> usize {
    let end = at + c.len_utf8();
    if let Some(close) = closing_quote(prompt, at, c) {
        push(out, prompt, at..close, Kind::Quoted);
        return close;
    }
    if is_apostrophe(c) {
        // "the dogs' tails": a possessive without s
        if char_before(prompt, at).is_some_and(|before| matches!(before, 's' | 'S')) {
            push(out, prompt, at..end, Kind::Word);
        }
        return end;
    }
    let before_digit = char_at(prompt, end).is_some_and(|after| after.is_ascii_digit());
    let kind = match c {
        ',' | '(' | ')' | '[' | ']' | '{' | '}' | '/' | '—' | '–' | '、' | '，' => Kind::Comma,
        '-' => Kind::Comma,
        ':' if before_digit => return end,
        ':' if before_quote(prompt, end) => Kind::Comma,
        '.' | ';' | ':' | '!' | '|' | '…' | '。' | '！' => Kind::Stop,
        '?' | '？' => Kind::Question,
        '&' => Kind::Word,
        _ => return end,
    };
    push(out, prompt, at..end, kind);
    end
}

/// Whether a quotation mark is the next thing after `at`: what is said belongs to the sentence.
fn before_quote(prompt: &str, at: usize) -> bool {
    prompt.get(at..).is_some_and(|rest| rest.trim_start().starts_with(['"', '“', '«', '„', '‘']))
}

/// Where the quotation that opens at `at` ends, when it does before the next empty line.
fn closing_quote(prompt: &str, at: usize, open: char) -> Option<usize> {
    let close: &[char] = match open {
        '"' => &['"'],
        '“' | '„' => &['”', '“', '"'],
        '«' => &['»'],
        '»' => &['«'],
        '‘' | '\'' => &['’', '\''],
        _ => return None,
    };
    let single = matches!(open, '‘' | '\'');
    if single && char_before(prompt, at).is_some_and(is_word_char) {
        return None;
    }
    let start = at + open.len_utf8();
    let rest = prompt.get(start..)?;
    let limit = rest.find("\n\n").unwrap_or(rest.len());
    for (offset, c) in rest.get(..limit)?.char_indices() {
        let end = start + offset + c.len_utf8();
        let inside_word = single && char_at(prompt, end).is_some_and(is_word_char);
        if close.contains(&c) && !inside_word {
            return Some(end);
        }
    }
    None
}
