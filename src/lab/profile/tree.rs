//! The model as a tree of its labels: `down_blocks.0`, in it `resnets.0`, in it `conv1`.

use super::{group::Group, record::Dispatch};
use crate::lab::Ceilings;

/// A part of the model with everything in it.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// The sum of its dispatches; its name is that of the part alone.
    pub group: Group,
    /// Its parts, in the order in which they first run.
    pub children: Vec<Node>,
}

/// The parts of a label; a number belongs to the name in front of it.
pub fn parts(label: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in label.match_indices('.') {
        let next = &label[at + 1..];
        let word = next.split('.').next().unwrap_or_default();
        if word.is_empty() || !word.bytes().all(|b| b.is_ascii_digit()) {
            parts.push(&label[start..at]);
            start = at + 1;
        }
    }
    parts.push(&label[start..]);
    parts
}

/// The block of the model that a label lies in: `down_blocks.0`.
pub fn block(label: &str) -> &str {
    parts(label).first().copied().unwrap_or_default()
}

/// The kind of layer within its block: `resnets`; of a layer that is no block's, its own name.
pub fn kind(label: &str) -> &str {
    let parts = parts(label);
    let name = parts.get(1).or(parts.first()).copied().unwrap_or_default();
    name.split('.').next().unwrap_or(name)
}

impl Node {
    /// The tree of some dispatches by their labels.
    pub fn new<'a>(name: &str, dispatches: impl IntoIterator<Item = &'a Dispatch>, ceilings: &Ceilings) -> Self {
        Self::by(name, dispatches, ceilings, |d| parts(&d.label).into_iter().map(str::to_owned).collect())
    }

    /// The tree of some dispatches by what `path` says.
    pub fn by<'a>(
        name: &str,
        dispatches: impl IntoIterator<Item = &'a Dispatch>,
        ceilings: &Ceilings,
        path: impl Fn(&Dispatch) -> Vec<String>,
    ) -> Self {
        let mut root = Self { group: Group::new(name), children: Vec::new() };
        for dispatch in dispatches {
            root.add(&path(dispatch), dispatch, ceilings);
        }
        root
    }

    fn add(&mut self, parts: &[String], dispatch: &Dispatch, ceilings: &Ceilings) {
        self.group.add(dispatch, ceilings);
        let Some((first, rest)) = parts.split_first() else { return };
        let found = self.children.iter().position(|child| child.group.name == *first);
        let at = found.unwrap_or_else(|| {
            self.children.push(Self { group: Group::new(first), children: Vec::new() });
            self.children.len() - 1
        });
        if let Some(child) = self.children.get_mut(at) {
            child.add(rest, dispatch, ceilings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::profile::sample::dispatch;

    #[test]
    fn numbers_belong_to_the_name_before_them() {
        assert_eq!(parts("down_blocks.0.resnets.1.conv1"), ["down_blocks.0", "resnets.1", "conv1"]);
        assert_eq!(parts("conv_in"), ["conv_in"]);
        assert_eq!(parts("ff.net.0.x2"), ["ff", "net.0", "x2"]);
        assert_eq!(parts(""), [""]);
        let kinds = ["up_blocks.3.attentions.2.attn1.to_q", "conv_in", "time_embedding.linear_1"].map(kind);
        assert_eq!(kinds, ["attentions", "conv_in", "linear_1"]);
        assert_eq!(block("up_blocks.3.attentions.2.attn1.to_q"), "up_blocks.3");
    }

    #[test]
    fn every_part_holds_the_sum_of_its_parts() {
        let time = |seconds| [Some(seconds)];
        let dispatches = [
            dispatch("a.0.b.0.c", "linear", [1.0, 1.0], &time(1.0)),
            dispatch("a.0.b.1.c", "linear", [1.0, 1.0], &time(2.0)),
            dispatch("d", "linear", [1.0, 1.0], &time(4.0)),
            dispatch("a.0.b.0.c", "conv2d", [1.0, 1.0], &time(8.0)),
        ];
        let tree = Node::new("step", &dispatches, &Ceilings::default());
        let told = |node: &Node| (node.group.name.clone(), node.group.seconds(), node.group.count);
        assert_eq!(told(&tree), ("step".into(), 15.0, 4));
        assert_eq!(tree.children.iter().map(told).collect::<Vec<_>>(), [("a.0".into(), 11.0, 3), ("d".into(), 4.0, 1)]);
        let below = &tree.children[0].children;
        assert_eq!(below.iter().map(told).collect::<Vec<_>>(), [("b.0".into(), 9.0, 2), ("b.1".into(), 2.0, 1)]);
    }
}
