//! Finds the cheapest reading of a sentence: a beam search over the states that `step` allows.

use std::collections::HashMap;

use super::state::State;
use super::step::{Item, Label, end, step};
use super::tag::{Reading, Tag};

/// How many states are kept after each token. Ambiguity in a sentence is local; more changes nothing.
const BEAM: usize = 64;

/// What was decided for one token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    /// Which of its readings.
    pub reading: usize,
    pub label: Label,
}

/// A sentence after parsing: its words, and what each was read as.
pub(super) struct Parsed<'a> {
    pub items: &'a [Item<'a>],
    pub choices: Vec<Choice>,
}

impl Parsed<'_> {
    pub fn reading(&self, at: usize) -> Option<&Reading> {
        self.items.get(at)?.readings.get(self.choices.get(at)?.reading)
    }

    pub fn tag(&self, at: usize) -> Option<Tag> {
        self.reading(at).map(|reading| reading.tag)
    }

    pub fn label(&self, at: usize) -> Option<Label> {
        self.choices.get(at).map(|choice| choice.label)
    }

    pub fn lower(&self, at: usize) -> &str {
        self.items.get(at).map_or("", |item| item.token.lower.as_str())
    }
}

/// One state reached, and how.
struct Node {
    state: State,
    cost: u32,
    /// Index of the node before in the column before.
    back: usize,
    choice: Choice,
}

/// The cheapest choice for each of `items`, the words of one sentence.
pub(super) fn parse(items: &[Item]) -> Vec<Choice> {
    let none = Choice { reading: 0, label: Label::Other };
    let mut columns: Vec<Vec<Node>> = vec![vec![Node { state: State::start(), cost: 0, back: 0, choice: none }]];
    for (at, item) in items.iter().enumerate() {
        let mut next: Vec<Node> = Vec::new();
        let mut seen: HashMap<State, usize> = HashMap::new();
        let before = columns.last().map_or(&[][..], Vec::as_slice);
        for (back, node) in before.iter().enumerate() {
            for (reading, candidate) in item.readings.iter().enumerate() {
                step(&node.state, items, at, candidate, &mut |state, cost, label| {
                    let cost = node.cost.saturating_add(cost);
                    let found = Node { state, cost, back, choice: Choice { reading, label } };
                    match seen.get(&state).and_then(|&index| next.get_mut(index)) {
                        Some(known) if known.cost <= cost => {}
                        Some(known) => *known = found,
                        None => {
                            seen.insert(state, next.len());
                            next.push(found);
                        }
                    }
                });
            }
        }
        next.sort_by_key(|node| node.cost);
        next.truncate(BEAM);
        columns.push(next);
    }
    let last = columns.last().map_or(&[][..], Vec::as_slice);
    let best = last.iter().enumerate().min_by_key(|(_, node)| node.cost.saturating_add(end(&node.state)));
    let mut index = best.map_or(0, |(index, _)| index);
    let mut out = Vec::with_capacity(items.len());
    for column in columns.iter().skip(1).rev() {
        let Some(node) = column.get(index) else { break };
        out.push(node.choice);
        index = node.back;
    }
    out.reverse();
    out
}
