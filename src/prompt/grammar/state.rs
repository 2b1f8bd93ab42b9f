//! What the parser remembers between two tokens: the phrase it is in and the clause around it.

use super::suggest::Subject;
use super::tag::{Count, Form, Helper};

/// Where the last token left the parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// Before the first word of a clause.
    Start,
    /// In a noun phrase that still needs its noun.
    Opened,
    /// In a noun phrase after its noun, which another noun may still extend.
    Noun,
    /// After a complete phrase.
    Closed,
    /// After a preposition.
    Preposition,
    /// After a main verb and its adverbs.
    Verb,
    /// After a helper (or `to`), before the form that it wants.
    Helper,
    /// After a comma or conjunction inside a clause.
    Link { conjunction: bool, after_noun: bool },
}

/// What the last noun phrase is in its clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Role {
    Subject,
    Object,
    /// After a preposition, or the object of a participle.
    Oblique,
}

/// What the helper before waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wanted {
    Nothing,
    AfterBe,
    AfterHave,
    /// An infinitive, after `to`.
    AfterTo,
    /// An infinitive, after `will`, `can`, `do`.
    AfterModal(Helper),
}

/// How a clause began; what it costs when no finite verb comes depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Opening {
    Sentence,
    Comma,
    Conjunction,
    Subordinator,
    Relative,
}

/// A subject and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Noun {
    pub count: Count,
    pub kind: Option<Subject>,
}

/// The state of the parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub place: Place,
    pub role: Role,
    /// The noun phrase in work, or the last one.
    pub noun: Noun,
    /// What its determiner asks for.
    pub determiner: Count,
    pub bare: bool,
    /// Another noun phrase was joined to this one by `and`.
    pub joined: bool,
    pub subject: Option<Noun>,
    /// The clause has its finite verb.
    pub finite: bool,
    /// The clause began with a modifier, and its subject may follow.
    pub fronted: bool,
    /// Anything was read in this clause.
    pub content: bool,
    pub wanted: Wanted,
    /// The form of the clause's finite verb, or of the participle that its helper took.
    pub last: Option<Form>,
    /// An infinitive was read, which another may follow after `and`.
    pub infinitive: bool,
    /// That infinitive belongs to a finite `will` or `can`.
    pub modal: bool,
    /// A verb that takes an object and a bare infinitive.
    pub causative: bool,
    /// The last verb takes another one.
    pub aspect: bool,
    /// The subject and verb form of the clause before, which the next verb may share.
    pub elided: Option<(Noun, Form)>,
    /// The clause around a relative clause: subject, finite.
    pub outer: Option<(Option<Noun>, bool)>,
    pub opening: Opening,
}

/// A clause without finite verb at the start of a prompt, after a comma, and where one is expected.
const FRAGMENT: u32 = 10;
const TAIL: u32 = 5;
const BROKEN: u32 = 25;
/// A determiner that does not fit its noun.
const MISFIT: u32 = 50;

impl State {
    /// Before the first token of a sentence.
    pub fn start() -> Self {
        let noun = Noun { count: Count::Any, kind: None };
        Self {
            place: Place::Start,
            role: Role::Subject,
            noun,
            determiner: Count::Any,
            bare: false,
            joined: false,
            subject: None,
            finite: false,
            fronted: false,
            content: false,
            wanted: Wanted::Nothing,
            last: None,
            infinitive: false,
            modal: false,
            causative: false,
            aspect: false,
            elided: None,
            outer: None,
            opening: Opening::Sentence,
        }
    }

    /// Ends the noun phrase in work, if any, and returns what that costs.
    pub fn close(&mut self) -> u32 {
        let cost = match self.place {
            Place::Opened => FRAGMENT,
            Place::Noun => self.agreement(),
            _ => 0,
        };
        if matches!(self.place, Place::Opened | Place::Noun) {
            self.complete();
        }
        cost
    }

    /// The noun phrase is complete: it becomes the subject where it can be one.
    pub fn complete(&mut self) {
        self.place = Place::Closed;
        if self.role == Role::Subject && !self.finite {
            let count = if self.joined && self.noun.count != Count::First { Count::Plural } else { self.noun.count };
            self.subject = Some(Noun { count, kind: self.noun.kind });
        }
    }

    /// What it costs that determiner and noun are of these numbers; an open number is settled.
    fn agreement(&mut self) -> u32 {
        let plural = self.noun.count == Count::Plural;
        match self.determiner {
            Count::Singular if plural => return MISFIT,
            Count::Plural if matches!(self.noun.count, Count::Singular) => return 30,
            Count::Singular | Count::Plural if self.noun.count == Count::Any => self.noun.count = self.determiner,
            _ => {}
        }
        0
    }

    /// What it costs to end the clause here.
    pub fn end_clause(&mut self) -> u32 {
        let mut cost = self.close();
        if matches!(self.place, Place::Preposition | Place::Link { .. }) {
            cost += FRAGMENT;
        }
        cost += match self.wanted {
            Wanted::AfterModal(_) | Wanted::AfterTo => BROKEN,
            _ => 0,
        };
        if self.outer.is_some_and(|(_, finite)| !finite) {
            cost += FRAGMENT;
        }
        if self.finite || !self.content {
            return cost;
        }
        let modifier = self.fronted && self.subject.is_none();
        cost + match self.opening {
            Opening::Sentence if modifier => TAIL,
            Opening::Comma if modifier => 2,
            Opening::Subordinator if modifier => TAIL,
            Opening::Sentence => FRAGMENT,
            Opening::Comma => TAIL,
            Opening::Conjunction | Opening::Subordinator | Opening::Relative => BROKEN,
        }
    }

    /// The first state of the clause after this one.
    pub fn next_clause(&self, opening: Opening) -> Self {
        let elided = match (self.subject, self.last, self.finite) {
            (Some(subject), Some(form), true) => Some((subject, form)),
            _ => None,
        };
        Self { opening, elided, ..Self::start() }
    }

    /// Enters a clause inside this one, whose subject is the last noun phrase.
    pub fn enter_relative(&mut self) {
        let outer = if self.outer.is_some() { self.outer } else { Some((self.subject, self.finite)) };
        let inner =
            Self { subject: Some(self.noun), content: true, outer, opening: Opening::Relative, ..Self::start() };
        *self = inner;
    }

    /// Leaves a relative clause for the clause around it.
    pub fn leave_relative(&mut self) -> bool {
        let Some((subject, finite)) = self.outer else { return false };
        if !self.finite {
            return false;
        }
        (self.subject, self.finite, self.outer, self.opening) = (subject, finite, None, Opening::Sentence);
        self.role = Role::Oblique;
        true
    }
}
