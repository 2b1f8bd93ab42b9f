//! The grammar on single sentences, and on text that is no sentence at all.

use super::{Finding, Kind, Number, Tense, analyse};

#[test]
fn the_examples_of_the_notes_become_continuous() {
    for (prompt, expected) in [
        ("a person walks", "a person is walking"),
        ("leaves fell", "leaves are falling"),
        ("the boy has run", "the boy is running"),
        ("a boy and a girl run", "a boy and a girl are running"),
        ("she turns, smiles and waves", "she is turning, smiling and waving"),
    ] {
        assert_eq!(analyse(prompt).rewrite.as_deref(), Some(expected));
    }
}

#[test]
fn what_is_not_a_motion_is_left_alone() {
    for prompt in ["walks in the park are nice", "the falls", "a rose is red", "an angel has wings", "zoom in", ""] {
        assert_eq!(analyse(prompt).rewrite, None, "{prompt}");
    }
}

#[test]
fn a_verb_is_described_with_its_place() {
    let prompt = "Two dogs have slowly run home";
    let analysis = analyse(prompt);
    let verb = analysis.verbs.first().unwrap();
    assert_eq!(&prompt[verb.range.clone()], "have slowly run");
    assert_eq!((verb.base.as_str(), verb.tense, verb.number), ("run", Tense::PresentPerfect, Number::Plural));
    assert_eq!((verb.kind, verb.negated), (Kind::Motion, false));
}

#[test]
fn findings_are_one_line_each() {
    let lines = |prompt| analyse(prompt).findings.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(lines("a cat on a sofa")[0].starts_with("nothing in the prompt moves"));
    assert!(lines("a cat on a sofa")[0].contains("the cat is turning its head"));
    assert!(lines("a cat is running")[0].contains("\"running\" is the only motion"));
    assert!(lines("a cat runs")[0].contains("\"runs\" is simple present"));
    assert!(lines("ein Hund läuft durch den Wald")[0].contains("German"));
    assert!(lines("狗在跑")[0].contains("Chinese"));
    assert!(lines(" \n")[0].contains("empty"));
    assert!(lines("a cat\nhas\nrun").iter().all(|line| !line.contains('\n')));
}

#[test]
fn words_that_two_languages_have_decide_nothing() {
    let language = |prompt: &str| {
        analyse(prompt).findings.into_iter().find_map(|finding| match finding {
            Finding::OtherLanguage { language } => Some(language),
            _ => None,
        })
    };
    for prompt in [
        "do not run",
        "don't move",
        "people do not move",
        "a man and his dog do tricks as no cloud moves",
        "as waves pour in, no one moves",
        "van door opens",
        "his son rents a mare",
        "do",
    ] {
        assert_eq!(language(prompt), None, "{prompt}");
    }
    for (prompt, expected) in [
        ("o gato corre no jardim", "Portuguese"),
        ("um cão dança", "Portuguese"),
        ("as folhas do outono caem", "Portuguese"),
        ("a mulher não corre na praia", "Portuguese"),
        ("o menino anda pela rua enquanto chuva cai", "Portuguese"),
        ("de hond rent door het bos", "Dutch"),
        ("le chat court dans la rue", "French"),
        ("il cane corre sulla spiaggia", "Italian"),
        ("el perro corre por la playa", "Spanish"),
        ("der Hund rennt durch den Wald", "German"),
    ] {
        assert_eq!(language(prompt), Some(expected), "{prompt}");
    }
}

#[test]
fn two_motions_need_no_advice() {
    assert_eq!(analyse("waves are crashing, foam is bubbling").findings, Vec::<Finding>::new());
}

/// A small generator of numbers (xorshift), so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

#[test]
fn no_text_makes_it_panic_and_ranges_hold() {
    let pieces = [
        "walks", "a", "the", "is", "has", "been", "will", "be", "to", "going", "not", "n't", "'s", "’ve", "'", "\"",
        "“", ",", ".", "?", "-", "—", "and", "who", "that", "boy", "leaves", "run", "running", "fell", "of", "lot",
        "I", "İ", "ß", "ﬁ", "\u{301}", "走", "🐱", "\u{202e}", "\0", "\n\n", " ", "1.5", "4k", "(", ":", "&", "RUNS",
        "ǅ", "keeps", "does", "with", "shot",
    ];
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..1500 {
        let mut text = String::new();
        for _ in 0..random.below(24) {
            if round % 3 == 0 {
                text.extend(char::from_u32(random.below(0x11_0000) as u32));
            } else {
                text.push_str(pieces[random.below(pieces.len())]);
                text.push_str(if random.below(4) > 0 { " " } else { "" });
            }
        }
        let analysis = analyse(&text);
        for verb in &analysis.verbs {
            assert_eq!(text.get(verb.range.clone()), Some(verb.text.as_str()), "{text:?}");
        }
        for finding in &analysis.findings {
            assert!(!finding.to_string().is_empty());
        }
    }
}

#[test]
fn a_long_text_is_read_to_its_end() {
    let text = "a boy and a girl run while leaves fall and waves crash, ".repeat(70);
    let rewrite = analyse(&text).rewrite.unwrap();
    assert!(rewrite.matches("are running").count() == 70);
    assert_eq!(analyse(&text.repeat(2)), super::Analysis::default());
}
