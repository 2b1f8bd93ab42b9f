//! The words that are not verbs: closed classes, nouns whose number does not show, adjectives, words that mislead.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use super::tag::{Count, Form, Helper, Tag};
use super::verbs::{lines, words};

/// What the data files say about nouns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum NounClass {
    /// `fish`: one form for both numbers.
    Same,
    /// `crowd`
    Group,
    /// `grass`: ends in s and is singular.
    SingularInS,
    /// `dozens`: the noun after `of` decides.
    Quantity,
    /// `photo of`: what it shows comes after `of`.
    Depiction,
    /// `water`: stands without an article.
    Mass,
}

/// The words that the data files list, verbs apart.
pub(super) struct Words {
    /// Readings of words of the closed classes.
    pub closed: HashMap<&'static str, Vec<(Tag, u32)>>,
    /// Readings that replace what the other lists say: word, reading, cost.
    pub homographs: HashMap<&'static str, Vec<(&'static str, u32)>>,
    pub adjectives: HashSet<&'static str>,
    pub not_adverbs: HashSet<&'static str>,
    plurals: HashMap<&'static str, &'static str>,
    nouns: HashMap<&'static str, Vec<NounClass>>,
    compounds: HashMap<&'static str, Vec<&'static str>>,
}

fn closed_tag(name: &str) -> Option<Tag> {
    use Form::{Gerund, Infinitive, Participle, Past, Plain, Third};
    Some(match name {
        "det" => Tag::Determiner(Count::Any),
        "det-sg" => Tag::Determiner(Count::Singular),
        "det-pl" => Tag::Determiner(Count::Plural),
        "pronoun-sg" => Tag::Pronoun(Count::Singular),
        "pronoun-pl" => Tag::Pronoun(Count::Plural),
        "pronoun-i" => Tag::Pronoun(Count::First),
        "object" => Tag::Object,
        "preposition" => Tag::Preposition,
        "particle" => Tag::Particle,
        "conjunction" => Tag::Conjunction,
        "subordinator" => Tag::Subordinator,
        "relative" => Tag::Relative,
        "negation" => Tag::Negation,
        "exist" => Tag::Exist,
        "adverb" => Tag::Adverb,
        "to" => Tag::To,
        "interrogative" => Tag::Interrogative,
        "will" => Tag::Helper(Helper::Will, Third),
        "modal" => Tag::Helper(Helper::Modal, Third),
        _ => {
            let (helper, form) = name.split_once('-')?;
            let helper = match helper {
                "be" => Helper::Be,
                "have" => Helper::Have,
                "do" => Helper::Do,
                _ => return None,
            };
            let form = match form {
                "base" => Infinitive,
                "sg" => Third,
                "pl" => Plain,
                "past" => Past,
                "participle" => Participle,
                "gerund" => Gerund,
                _ => return None,
            };
            Tag::Helper(helper, form)
        }
    })
}

/// Whether a word that no list has looks like a plural.
fn plural_ending(word: &str) -> bool {
    word.len() > 2 && word.ends_with('s') && !["ss", "us", "is", "'s"].iter().any(|end| word.ends_with(end))
}

impl Words {
    /// The one lexicon, made on first use.
    pub fn get() -> &'static Self {
        static WORDS: OnceLock<Words> = OnceLock::new();
        WORDS.get_or_init(Self::read)
    }

    fn read() -> Self {
        let mut closed: HashMap<_, Vec<_>> = HashMap::new();
        for line in lines(include_str!("data/closed_words.txt")) {
            let Some((head, members)) = line.split_once(':') else { continue };
            let Some((name, cost)) = head.split_once(' ') else { continue };
            let (Some(tag), Ok(cost)) = (closed_tag(name), cost.parse()) else { continue };
            for member in members.split_whitespace() {
                closed.entry(member).or_default().push((tag, cost));
            }
        }
        let mut homographs: HashMap<_, Vec<_>> = HashMap::new();
        for line in lines(include_str!("data/homographs.txt")) {
            let mut columns = line.split_whitespace();
            if let (Some(word), Some(name), Some(Ok(cost))) =
                (columns.next(), columns.next(), columns.next().map(str::parse))
            {
                homographs.entry(word).or_default().push((name, cost));
            }
        }
        let mut nouns: HashMap<_, Vec<_>> = HashMap::new();
        for line in lines(include_str!("data/nouns_number.txt")) {
            let Some((name, members)) = line.split_once(':') else { continue };
            let class = match name {
                "same in both" => NounClass::Same,
                "group" => NounClass::Group,
                "singular in s" => NounClass::SingularInS,
                "quantity" => NounClass::Quantity,
                "depiction" => NounClass::Depiction,
                _ => NounClass::Mass,
            };
            for member in members.split_whitespace() {
                nouns.entry(member).or_default().push(class);
            }
        }
        let mut compounds: HashMap<_, Vec<_>> = HashMap::new();
        for (first, second) in lines(include_str!("data/compounds.txt")).filter_map(|line| line.split_once(' ')) {
            compounds.entry(first).or_default().push(second);
        }
        let plurals = lines(include_str!("data/nouns_plural_irregular.txt")).filter_map(|line| line.split_once(' '));
        Self {
            closed,
            homographs,
            adjectives: words(include_str!("data/adjectives.txt")).collect(),
            not_adverbs: words(include_str!("data/not_adverbs.txt")).collect(),
            plurals: plurals.collect(),
            nouns,
            compounds,
        }
    }

    /// Whether `word` is a noun of this class.
    pub fn is(&self, word: &str, class: NounClass) -> bool {
        self.nouns.get(word).is_some_and(|classes| classes.contains(&class))
    }

    /// Whether the two words are one name, like `ocean waves`.
    pub fn is_compound(&self, first: &str, second: &str) -> bool {
        self.compounds.get(first).is_some_and(|seconds| seconds.contains(&second))
    }

    /// The number of `word` as a noun, by the lists and else by its ending.
    pub fn count(&self, word: &str) -> Count {
        let last = word.rsplit('-').next().unwrap_or(word);
        if self.is(last, NounClass::Same) {
            Count::Any
        } else if self.is(last, NounClass::Group) {
            Count::Group
        } else if self.is(last, NounClass::SingularInS) {
            Count::Singular
        } else if self.plurals.contains_key(last) || plural_ending(last) {
            Count::Plural
        } else {
            Count::Singular
        }
    }

    /// The singular of a noun, by the list and else by its ending: `wolves` → `wolf`, `ponies` → `pony`.
    pub fn singular(&self, word: &str) -> String {
        if let Some(singular) = self.plurals.get(word) {
            return (*singular).to_owned();
        }
        match word.strip_suffix('s') {
            Some(head) if self.count(word) == Count::Plural => match head.strip_suffix("ie") {
                Some(head) => format!("{head}y"),
                None if ["xe", "che", "she", "sse"].iter().any(|end| head.ends_with(end)) => {
                    head.trim_end_matches('e').to_owned()
                }
                None => head.to_owned(),
            },
            _ => word.to_owned(),
        }
    }
}
