//! What a subject is - a person, water, a vehicle - and which motions suit it.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use super::tag::Count;
use super::verbs::lines;
use super::words::Words;

/// A kind of subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    Person,
    Animal,
    Water,
    Sky,
    Plant,
    Fire,
    Vehicle,
    Vessel,
    Aircraft,
    City,
    Machine,
    Food,
    Shape,
    Cloth,
    Anything,
}

const SUBJECTS: [(&str, Subject); 15] = [
    ("person", Subject::Person),
    ("animal", Subject::Animal),
    ("water", Subject::Water),
    ("sky", Subject::Sky),
    ("plant", Subject::Plant),
    ("fire", Subject::Fire),
    ("vehicle", Subject::Vehicle),
    ("vessel", Subject::Vessel),
    ("aircraft", Subject::Aircraft),
    ("city", Subject::City),
    ("machine", Subject::Machine),
    ("food", Subject::Food),
    ("shape", Subject::Shape),
    ("cloth", Subject::Cloth),
    ("anything", Subject::Anything),
];

struct Motions {
    kinds: HashMap<&'static str, Subject>,
    often: HashSet<(Subject, &'static str)>,
    clauses: HashMap<Subject, Vec<&'static str>>,
}

fn subject_named(name: &str) -> Option<Subject> {
    SUBJECTS.iter().find(|(known, _)| *known == name).map(|&(_, subject)| subject)
}

fn motions() -> &'static Motions {
    static MOTIONS: OnceLock<Motions> = OnceLock::new();
    MOTIONS.get_or_init(|| {
        let mut motions = Motions { kinds: HashMap::new(), often: HashSet::new(), clauses: HashMap::new() };
        for line in lines(include_str!("data/subjects.txt")) {
            let Some((name, members)) = line.split_once(':') else { continue };
            let Some(subject) = subject_named(name) else { continue };
            for member in members.split_whitespace() {
                motions.kinds.entry(member).or_insert(subject);
            }
        }
        for line in lines(include_str!("data/motions.txt")) {
            let Some((head, rest)) = line.split_once(':') else { continue };
            let Some((what, name)) = head.split_once(' ') else { continue };
            let Some(subject) = subject_named(name) else { continue };
            if what == "with" {
                motions.often.extend(rest.split_whitespace().map(|verb| (subject, verb)));
            } else {
                motions.clauses.insert(subject, rest.split('|').map(str::trim).collect());
            }
        }
        motions
    })
}

/// What the noun `word` (lower case) names, if the list knows it or the last part of it.
pub(super) fn subject_of(word: &str) -> Option<Subject> {
    let singular = Words::get().singular(word);
    let kinds = &motions().kinds;
    let last = singular.rsplit('-').next().unwrap_or_default();
    [word, singular.as_str(), last].iter().find_map(|word| kinds.get(word).copied())
}

/// Whether such a subject often does what the verb says.
pub(super) fn often_does(subject: Subject, base: &str) -> bool {
    motions().often.contains(&(subject, base))
}

/// Clauses in the present continuous that suit the subject, whose word and number are given.
pub(super) fn clauses(subject: Subject, word: &str, count: Count) -> Vec<String> {
    let (is, its, s) = if count == Count::Plural { ("are", "their", "s") } else { ("is", "its", "") };
    let templates = motions().clauses.get(&subject).map_or(&[][..], Vec::as_slice);
    let fill = |clause: &&str| clause.replace("{is}", is).replace("{its}", its).replace("{s}", s).replace("{}", word);
    templates.iter().map(fill).collect()
}
