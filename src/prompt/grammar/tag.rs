//! The words of the grammar itself: what a token can be read as, in which form, in which number.

/// The number of a noun phrase, or the one that a determiner or verb asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Count {
    /// Not told by the form: `the`, `fish`.
    #[default]
    Any,
    Singular,
    Plural,
    /// `I`, which takes `am`.
    First,
    /// `crowd`, `group`: singular, but takes plural verbs too.
    Group,
}

impl Count {
    /// Whether a present form that is `third` (`walks`) or not (`walk`) agrees with this subject.
    pub fn agrees(self, third: bool) -> bool {
        match self {
            Self::Any | Self::Group => true,
            Self::Singular => third,
            Self::Plural | Self::First => !third,
        }
    }
}

/// A form of a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// `walk`, `are`: infinitive or plural present.
    Plain,
    /// `be`: an infinitive only.
    Infinitive,
    /// `walks`, `is`
    Third,
    /// `walked`, `fell`
    Past,
    /// `walked`, `fallen`
    Participle,
    /// `walking`
    Gerund,
}

/// A verb that helps another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Helper {
    Be,
    Have,
    Do,
    /// `will`, which makes a future.
    Will,
    /// `can`, `must`, …
    Modal,
}

/// A part of speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Tag {
    Determiner(Count),
    /// `'s` or `'` after a noun.
    Possessive,
    Adjective,
    Adverb,
    /// `not`, `never`
    Negation,
    Noun(Count),
    /// A pronoun that can be a subject.
    Pronoun(Count),
    /// A pronoun that cannot.
    Object,
    Preposition,
    /// `up`, `away`: an adverb of place that goes with a verb.
    Particle,
    Conjunction,
    Subordinator,
    Relative,
    To,
    /// `there` before its verb.
    Exist,
    Interrogative,
    Helper(Helper, Form),
    Verb(Form),
    Comma,
}

/// One way to read a token.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub tag: Tag,
    /// How unusual it is, in tenths; 0 is natural.
    pub cost: u32,
    /// For a verb: its base form and its -ing form.
    pub verb: Option<(String, String)>,
}
