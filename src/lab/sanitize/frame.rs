//! What a function holds while it runs.

use naga::{Expression, Function, Handle};

use super::slot::Slot;

/// Which threads are on a path.
pub type Mask = Vec<bool>;

/// A function's values while it runs. WGSL has no recursion: one for each function is enough.
#[derive(Debug, Default)]
pub struct Frame {
    /// By expression.
    pub values: Vec<Slot>,
    /// By local variable, for each thread.
    pub locals: Vec<Vec<u32>>,
    /// By expression, the words of its value, once they are known.
    pub counts: Vec<Option<usize>>,
    /// Expressions that are arguments, with their numbers.
    pub arguments: Vec<(usize, usize)>,
    pub result: Slot,
    pub breaks: Vec<Mask>,
    pub continues: Vec<Mask>,
}

impl Frame {
    pub fn new(function: &Function) -> Self {
        let argument = |(handle, expression): (Handle<Expression>, &Expression)| match expression {
            Expression::FunctionArgument(number) => Some((handle.index(), *number as usize)),
            _ => None,
        };
        Self {
            values: vec![Slot::Empty; function.expressions.len()],
            counts: vec![None; function.expressions.len()],
            arguments: function.expressions.iter().filter_map(argument).collect(),
            ..Self::default()
        }
    }
}
