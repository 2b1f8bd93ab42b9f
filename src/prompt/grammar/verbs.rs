//! The verbs: every form of every verb in the data files, and what kind of verb it is.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::spelling::{british_stem, gerund, past, third};
use super::tag::Form;

/// What a verb is, where the grammar has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Names no motion and is left alone: `know`, `contain`.
    State,
    /// Names no motion either, but reads well in the present continuous: `stand`.
    Posture,
    /// With an adjective a change: `turn`.
    Change,
    /// The object is followed by a bare infinitive: `make`.
    Causative,
    /// Takes another verb: `start`.
    Aspect,
    /// Takes no object.
    Intransitive,
    /// After a noun its -ed form is a shortened passive: `covered`.
    Resultative,
    /// After a part of the body its participle tells how that is held: `eyes closed`.
    Absolute,
    /// Not a verb: a part of the body.
    Body,
    /// An order to the camera: `zoom`.
    Camera,
    /// Not a verb: `have` with this noun is an action.
    Having,
}

const CLASSES: [(&str, Class); 11] = [
    ("state", Class::State),
    ("posture", Class::Posture),
    ("change", Class::Change),
    ("causative", Class::Causative),
    ("aspect", Class::Aspect),
    ("intransitive", Class::Intransitive),
    ("resultative", Class::Resultative),
    ("absolute", Class::Absolute),
    ("body", Class::Body),
    ("camera", Class::Camera),
    ("having", Class::Having),
];

/// A form of a known verb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub base: &'static str,
    pub form: Form,
    pub gerund: String,
}

/// How often a word that can be a verb is a noun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nounness {
    Mostly,
    Both,
}

/// The verbs that the data files list.
pub(super) struct Verbs {
    forms: HashMap<String, Vec<Entry>>,
    classes: HashMap<&'static str, u16>,
    nouns: HashMap<&'static str, Nounness>,
}

/// The lines of a data file that are not comments.
pub(super) fn lines(data: &'static str) -> impl Iterator<Item = &'static str> {
    data.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The words of a data file that are not in comments.
pub(super) fn words(data: &'static str) -> impl Iterator<Item = &'static str> {
    lines(data).flat_map(str::split_whitespace)
}

impl Verbs {
    /// The one lexicon, made on first use.
    pub fn get() -> &'static Self {
        static VERBS: OnceLock<Verbs> = OnceLock::new();
        VERBS.get_or_init(Self::read)
    }

    fn read() -> Self {
        let mut verbs = Self { forms: HashMap::new(), classes: HashMap::new(), nouns: HashMap::new() };
        for base in words(include_str!("data/verbs_regular.txt")) {
            verbs.add_regular(base);
        }
        for line in lines(include_str!("data/verbs_irregular.txt")) {
            let mut columns = line.split_whitespace();
            if let (Some(base), Some(past), Some(participle)) = (columns.next(), columns.next(), columns.next()) {
                verbs.add_irregular(base, past, participle);
            }
        }
        for line in lines(include_str!("data/verbs_classes.txt")) {
            let Some((name, members)) = line.split_once(':') else { continue };
            let Some(&(_, class)) = CLASSES.iter().find(|(known, _)| *known == name) else { continue };
            for member in members.split_whitespace() {
                *verbs.classes.entry(member).or_default() |= 1 << class as u16;
            }
        }
        for word in words(include_str!("data/nouns_both.txt")) {
            verbs.nouns.insert(word, Nounness::Both);
        }
        for word in words(include_str!("data/nouns_mostly.txt")) {
            verbs.nouns.entry(word).or_insert(Nounness::Mostly);
        }
        verbs
    }

    fn add(&mut self, text: String, base: &'static str, form: Form, gerund: &str) {
        let entry = Entry { base, form, gerund: gerund.to_owned() };
        let entries = self.forms.entry(text).or_default();
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }

    fn add_regular(&mut self, base: &'static str) {
        let ing = gerund(base);
        self.add(past(base), base, Form::Past, &ing);
        self.add(past(base), base, Form::Participle, &ing);
        self.add_present(base, &ing);
        if let Some(stem) = base.strip_suffix("ize").map(|stem| format!("{stem}is")) {
            let ing = format!("{stem}ing");
            for (ending, form) in
                [("ed", Form::Past), ("ed", Form::Participle), ("e", Form::Plain), ("es", Form::Third)]
            {
                self.add(format!("{stem}{ending}"), base, form, &ing);
            }
            self.add(ing.clone(), base, Form::Gerund, &ing);
        }
        if let Some(stem) = british_stem(base) {
            let ing = format!("{stem}ing");
            self.add(format!("{stem}ed"), base, Form::Past, &ing);
            self.add(format!("{stem}ed"), base, Form::Participle, &ing);
            self.add(ing.clone(), base, Form::Gerund, &ing);
        }
    }

    fn add_irregular(&mut self, base: &'static str, past: &'static str, participle: &'static str) {
        let ing = gerund(base);
        for form in past.split('/') {
            self.add(form.to_owned(), base, Form::Past, &ing);
        }
        for form in participle.split('/') {
            self.add(form.to_owned(), base, Form::Participle, &ing);
        }
        self.add_present(base, &ing);
    }

    fn add_present(&mut self, base: &'static str, ing: &str) {
        self.add(base.to_owned(), base, Form::Plain, ing);
        self.add(third(base), base, Form::Third, ing);
        self.add(ing.to_owned(), base, Form::Gerund, ing);
    }

    /// Every verb form that `word` (lower case) can be.
    pub fn forms(&self, word: &str) -> &[Entry] {
        self.forms.get(word).map_or(&[], Vec::as_slice)
    }

    /// Whether the verb, by its base form, is of this class.
    pub fn is(&self, base: &str, class: Class) -> bool {
        self.classes.get(base).is_some_and(|classes| classes & (1 << class as u16) != 0)
    }

    /// How often the base form is a noun; `None`: hardly ever.
    pub fn nounness(&self, base: &str) -> Option<Nounness> {
        self.nouns.get(base).copied()
    }
}
