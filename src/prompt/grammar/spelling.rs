//! The spelling of regular English verb forms.

/// Verbs of several syllables that are stressed on the last, or compounds, and so double their last letter.
const DOUBLED: [&str; 38] = [
    "admit", "backflip", "begin", "beget", "befit", "commit", "compel", "control", "defer", "deter", "emit", "equip",
    "excel", "expel", "forget", "freefall", "handicap", "kidnap", "occur", "omit", "outrun", "overlap", "overrun",
    "patrol", "permit", "prefer", "propel", "rebel", "refer", "regret", "repel", "reset", "submit", "transfer",
    "transmit", "unzip", "unplug", "zigzag",
];

/// Verbs in -e that keep it before -ing.
const KEEPS_E: [&str; 4] = ["singe", "tinge", "binge", "whinge"];

fn is_vowel(c: char) -> bool {
    matches!(c, 'a' | 'e' | 'i' | 'o' | 'u')
}

/// The number of groups of vowels, `u` after `q` not counted: close to the number of syllables.
fn syllables(word: &str) -> usize {
    let (mut groups, mut in_group, mut before) = (0, false, ' ');
    for c in word.chars() {
        let vowel = (is_vowel(c) && !(c == 'u' && before == 'q')) || (c == 'y' && before != ' ');
        groups += usize::from(vowel && !in_group);
        (in_group, before) = (vowel, c);
    }
    groups
}

/// Whether the last letter is doubled before -ing and -ed: one short stressed vowel and one consonant at the end.
fn doubles(base: &str) -> bool {
    let mut back = base.chars().rev();
    let (Some(last), Some(vowel)) = (back.next(), back.next()) else { return false };
    let (third, fourth) = (back.next(), back.next());
    let closed = last.is_ascii_lowercase() && !is_vowel(last) && !matches!(last, 'w' | 'x' | 'y' | 'h');
    let after_q = third == Some('u') && fourth == Some('q');
    let short = is_vowel(vowel) && (after_q || !third.is_some_and(is_vowel));
    closed && short && (syllables(base) == 1 || DOUBLED.contains(&base))
}

/// The last letter once more where the rules double it: `run` → `runn`, `panic` → `panick`.
fn stem(base: &str) -> String {
    let mut stem = base.to_owned();
    if base.ends_with("ic") {
        stem.push('k');
    } else if doubles(base) {
        stem.extend(base.chars().next_back());
    }
    stem
}

/// The -ing form: `run` → `running`, `lie` → `lying`, `make` → `making`, `panic` → `panicking`, `see` → `seeing`.
pub(super) fn gerund(base: &str) -> String {
    if base == "be" {
        return "being".to_owned();
    }
    if let Some(head) = base.strip_suffix("ie") {
        return format!("{head}ying");
    }
    let silent =
        base.ends_with('e') && !["ee", "oe", "ye"].iter().any(|end| base.ends_with(end)) && !KEEPS_E.contains(&base);
    match base.strip_suffix('e') {
        Some(head) if silent => format!("{head}ing"),
        _ => format!("{}ing", stem(base)),
    }
}

/// The third person: `walk` → `walks`, `watch` → `watches`, `carry` → `carries`.
pub(super) fn third(base: &str) -> String {
    let before_y = base.chars().rev().nth(1);
    match base.strip_suffix('y') {
        Some(head) if before_y.is_some_and(|c| !is_vowel(c)) => format!("{head}ies"),
        _ if ["s", "x", "z", "ch", "sh", "o"].iter().any(|end| base.ends_with(end))
            && base != "woo"
            && base != "moo" =>
        {
            let doubled = base.ends_with('z') && doubles(base);
            format!("{base}{}es", if doubled { "z" } else { "" })
        }
        _ => format!("{base}s"),
    }
}

/// The regular past: `walk` → `walked`, `stop` → `stopped`, `carry` → `carried`.
pub(super) fn past(base: &str) -> String {
    let before_y = base.chars().rev().nth(1);
    match base.strip_suffix('y') {
        Some(head) if before_y.is_some_and(|c| !is_vowel(c)) => format!("{head}ied"),
        _ if base.ends_with('e') => format!("{base}d"),
        _ => format!("{}ed", stem(base)),
    }
}

/// The British variant with a doubled `l`, for `travel`, `cancel`, `signal`: the stem, or `None`.
pub(super) fn british_stem(base: &str) -> Option<String> {
    let mut back = base.chars().rev();
    let ends = back.next() == Some('l') && back.next().is_some_and(is_vowel) && !back.next().is_some_and(is_vowel);
    (ends && syllables(base) > 1 && !doubles(base)).then(|| format!("{base}l"))
}

/// The -ing form of an unknown regular verb, from its past: `moonwalked` → `moonwalking`, `carried` → `carrying`.
pub(super) fn gerund_from_past(past: &str) -> Option<String> {
    let head = past.strip_suffix("ed").filter(|head| head.len() > 2)?;
    Some(match head.strip_suffix('i') {
        Some(head) => format!("{head}ying"),
        None => format!("{head}ing"),
    })
}

/// The base of an unknown verb, from its third person: `moonwalks` → `moonwalk`, `carries` → `carry`.
pub(super) fn base_from_third(third: &str) -> Option<String> {
    let head = third.strip_suffix('s').filter(|head| head.len() > 2 && !head.ends_with(['s', 'u', 'i', '\'']))?;
    if let Some(head) = head.strip_suffix("ie") {
        return Some(format!("{head}y"));
    }
    let sibilant = ["xe", "che", "she", "sse", "zze"].iter().any(|end| head.ends_with(end));
    Some(if sibilant { head.trim_end_matches('e').to_owned() } else { head.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ing_follows_the_rules() {
        for (base, expected) in [
            ("run", "running"),
            ("lie", "lying"),
            ("die", "dying"),
            ("make", "making"),
            ("panic", "panicking"),
            ("see", "seeing"),
            ("dye", "dyeing"),
            ("hoe", "hoeing"),
            ("ski", "skiing"),
            ("open", "opening"),
            ("gallop", "galloping"),
            ("begin", "beginning"),
            ("show", "showing"),
            ("fix", "fixing"),
            ("play", "playing"),
            ("quit", "quitting"),
            ("squat", "squatting"),
            ("eat", "eating"),
            ("swim", "swimming"),
            ("travel", "traveling"),
            ("patrol", "patrolling"),
            ("zigzag", "zigzagging"),
            ("age", "aging"),
            ("argue", "arguing"),
            ("singe", "singeing"),
            ("visit", "visiting"),
            ("crash", "crashing"),
            ("be", "being"),
            ("queue", "queuing"),
            ("carry", "carrying"),
            ("hurry", "hurrying"),
            ("tie", "tying"),
            ("frolic", "frolicking"),
            ("float", "floating"),
            ("wag", "wagging"),
            ("somersault", "somersaulting"),
            ("whir", "whirring"),
            ("yell", "yelling"),
            ("use", "using"),
            ("add", "adding"),
        ] {
            assert_eq!(gerund(base), expected);
        }
    }

    #[test]
    fn third_person_and_past_follow_the_rules() {
        for (base, expected, was) in [
            ("walk", "walks", "walked"),
            ("watch", "watches", "watched"),
            ("carry", "carries", "carried"),
            ("play", "plays", "played"),
            ("fizz", "fizzes", "fizzed"),
            ("stop", "stops", "stopped"),
            ("echo", "echoes", "echoed"),
            ("dance", "dances", "danced"),
            ("mimic", "mimics", "mimicked"),
            ("moo", "moos", "mooed"),
        ] {
            assert_eq!((third(base), past(base)), (expected.to_owned(), was.to_owned()));
        }
        assert_eq!(gerund_from_past("moonwalked").as_deref(), Some("moonwalking"));
        assert_eq!(base_from_third("lurches").as_deref(), Some("lurch"));
        assert_eq!(british_stem("travel").as_deref(), Some("travell"));
    }
}
