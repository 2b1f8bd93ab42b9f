//! The tensors of a component beside those that a network expects.

use std::collections::HashSet;
use std::path::Path;

use super::component::Component;
use super::error::{Error, Result};
use super::problem::Problem;

/// A tensor that a network reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Its name in the checkpoint, e.g. `down_blocks.0.resnets.0.conv1.weight`.
    pub name: String,
    /// Its sizes as PyTorch writes them, outermost axis first.
    pub shape: Vec<usize>,
}

impl Expected {
    /// A tensor of this name and shape.
    pub fn new(name: impl Into<String>, shape: impl Into<Vec<usize>>) -> Self {
        Self { name: name.into(), shape: shape.into() }
    }
}

/// An index buffer (0, 1, 2, ...) that older versions of transformers saved among the weights.
fn is_position_ids(name: &str) -> bool {
    name == "position_ids" || name.ends_with(".position_ids")
}

impl Component {
    /// Compares the tensors on disk with the `expected` ones: first what is wrong with those, in their order, then the
    /// unexpected ones by name. `position_ids` buffers are passed over. An empty list means that all fits.
    pub fn check(&self, expected: &[Expected]) -> Vec<Problem> {
        let component = self.kind();
        let mut problems: Vec<Problem> = expected
            .iter()
            .filter_map(|Expected { name, shape }| {
                let name = name.clone();
                let Some(entry) = self.entry(&name) else {
                    return Some(Problem::Missing { component, name, expected: shape.clone() });
                };
                if entry.shape != *shape {
                    return Some(Problem::Misshapen {
                        component,
                        name,
                        expected: shape.clone(),
                        found: entry.shape.clone(),
                    });
                }
                let readable = super::Dtype::of(entry.dtype).is_some();
                (!readable).then(|| Problem::Dtype { component, name, found: entry.dtype.to_string() })
            })
            .collect();
        let known: HashSet<&str> = expected.iter().map(|e| e.name.as_str()).collect();
        let unexpected = self
            .entries()
            .filter(|(name, _)| !known.contains(name) && !is_position_ids(name))
            .map(|(name, entry)| Problem::Unexpected { component, name: name.to_string(), found: entry.shape.clone() });
        problems.extend(unexpected);
        problems
    }
}

/// Joins the problems of the model whose folder is `dir` into one error that lists each by its path; `Ok` where there is none.
pub fn reject(dir: &Path, problems: Vec<Problem>) -> Result<()> {
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Error::Problems { dir: dir.to_path_buf(), problems }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::fixture::{Folder, weights};
    use crate::checkpoint::{ComponentKind::TextEncoder, Variant};
    use safetensors::Dtype;

    fn component(tensors: &[(&str, Dtype, &[usize])]) -> Component {
        let folder = Folder::new();
        folder.write("text_encoder/model.safetensors", weights(tensors));
        Component::open(&folder.files(), TextEncoder, Variant::Auto).unwrap()
    }

    #[test]
    fn each_kind_of_problem_is_listed_by_path() {
        let component = component(&[
            ("a.weight", Dtype::F16, &[2, 3]),
            ("b.weight", Dtype::BF16, &[4]),
            ("c.weight", Dtype::I64, &[4]),
            ("extra", Dtype::F32, &[1]),
            ("text_model.embeddings.position_ids", Dtype::I64, &[1, 77]),
        ]);
        let expected = [
            Expected::new("a.weight", [2, 3]),
            Expected::new("b.weight", [4, 1]),
            Expected::new("c.weight", [4]),
            Expected::new("d.weight", [5, 6]),
        ];
        let problems = component.check(&expected);
        let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(
            lines,
            [
                "text_encoder/b.weight: expected [4, 1], found [4]",
                "text_encoder/c.weight: expected F32, F16 or BF16, found I64",
                "text_encoder/d.weight: missing, expected [5, 6]",
                "text_encoder/extra: unexpected, found [1]",
            ]
        );
        let error = reject(Path::new("model"), problems).unwrap_err().to_string();
        assert!(error.starts_with("4 tensors of model do not fit the configuration"), "{error}");
        assert!(lines.iter().all(|line| error.contains(line)));
    }

    #[test]
    fn what_fits_is_accepted() {
        let component = component(&[("a", Dtype::F16, &[2]), ("position_ids", Dtype::I64, &[1, 2])]);
        let problems = component.check(&[Expected::new("a", [2])]);
        assert!(reject(Path::new("model"), problems).is_ok());
    }

    #[test]
    fn a_name_from_a_file_cannot_break_the_line() {
        let problems = component(&[("a\nb\u{1b}[1m", Dtype::F16, &[2])]).check(&[]);
        assert!(!problems[0].to_string().chars().any(char::is_control));
    }
}
