//! Finds the syntax by which other programs weigh words of a prompt: `(word:1.3)`, `((word))`, `[word]`, `<lora:name:1>`.

use super::Finding;

/// The longest part of a prompt that is shown, in characters.
const SHOWN: usize = 60;

/// What to say about a text with such syntax, also one that is no sentence, such as a negative prompt.
pub fn weights(text: &str) -> Option<Finding> {
    let starts = text.char_indices().filter(|(_, c)| matches!(c, '(' | '[' | '<'));
    let found = starts.filter_map(|(at, open)| bracketed(text.get(at..)?, open)).next()?;
    let mut shown: String = found.chars().take(SHOWN).collect();
    if shown.len() < found.len() {
        shown.push('…');
    }
    Some(Finding::Weights { found: shown })
}

/// The bracket that `text` begins with, up to its end, if it is more than a bracket.
fn bracketed(text: &str, open: char) -> Option<&str> {
    let end = end(text, open)?;
    let inner = text.get(1..end)?;
    let says = match open {
        '(' => is_weighted(inner) || self::end(inner, '(').is_some_and(|end| end + 1 == inner.len()),
        '[' => inner.chars().any(char::is_alphanumeric),
        _ => inner
            .split_once(':')
            .is_some_and(|(kind, name)| !name.is_empty() && !kind.is_empty() && kind.chars().all(char::is_alphabetic)),
    };
    if says { text.get(..=end) } else { None }
}

/// Where the bracket that `text` begins with is closed.
fn end(text: &str, open: char) -> Option<usize> {
    let close = match open {
        '(' => ')',
        '[' => ']',
        _ => '>',
    };
    let mut depth = 0_usize;
    let mut places = text.starts_with(open).then(|| text.char_indices()).into_iter().flatten();
    places.find_map(|(at, c)| {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
        }
        (depth == 0).then_some(at)
    })
}

/// `word:1.3`: something, and a number after its last colon.
fn is_weighted(inner: &str) -> bool {
    inner.rsplit_once(':').is_some_and(|(words, weight)| {
        // "12:30" is a time.
        words.chars().any(char::is_alphabetic) && weight.trim().parse::<f32>().is_ok_and(f32::is_finite)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        weights(text).map(|finding| match finding {
            Finding::Weights { found } => found,
            other => other.to_string(),
        })
    }

    #[test]
    fn weights_are_found() {
        for (text, expected) in [
            ("a (red:1.3) circle is moving", "(red:1.3)"),
            ("a ((red)) circle", "((red))"),
            ("a [red] circle", "[red]"),
            ("a circle <lora:motion_v2:0.8>", "<lora:motion_v2:0.8>"),
            ("a cat (on a mat) is ((slowly) turning:1.2)", "((slowly) turning:1.2)"),
            ("((a) b) (c:2)", "(c:2)"),
        ] {
            assert_eq!(found(text).as_deref(), Some(expected), "{text}");
        }
        assert!(found(&format!("(({}))", "é".repeat(500))).unwrap().ends_with('…'));
    }

    #[test]
    fn brackets_of_sentences_are_left_alone() {
        for text in [
            "a cat (a white one) is turning its head",
            "a clock (12:30) is ticking",
            "it is 3 < 4 > 2",
            "<3",
            "a cat (",
            "[]",
            ")(",
            "((a) and (b))",
            "a note: (first: read it)",
            "",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
