//! A WGSL file of a user's, with what it may include.

use std::collections::BTreeMap;

use serde_json::Value;

use super::spelled;
use crate::fingerprint::fnv1a;

/// WGSL from a file of a user's, which stands in for a variant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct WgslFile {
    /// Its path, for messages.
    pub path: String,
    /// Its text, which may use the template lines of the kernels.
    pub text: String,
    /// Files beside it by the names under which it includes them; what is not among them is the program's own.
    #[serde(default)]
    pub beside: BTreeMap<String, String>,
}

impl WgslFile {
    /// A file with nothing beside it.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), beside: BTreeMap::new() }
    }

    /// A fingerprint of its text and of what lies beside it.
    pub(super) fn fingerprint(&self) -> u64 {
        let beside = self.beside.iter().flat_map(|(name, text)| [name, text]).flat_map(|part| part.bytes().chain([0]));
        fnv1a(self.text.bytes().chain(beside))
    }

    /// The kernel and the shape, as users write it, that the file was printed for: what [`head`] wrote.
    pub fn printed_for(&self) -> Option<(&str, &str)> {
        let mut lines = self.text.lines();
        let (_, title) = lines.next()?.strip_prefix(HEAD)?.split_once(": ")?;
        let shape = lines.next()?.strip_prefix("// ")?.split(' ').next().filter(|shape| shape.contains('='))?;
        Some((title.split(' ').next()?, shape))
    }
}

/// How a file begins that is printed for a shape.
const HEAD: &str = "// i2vgen ";

/// The first lines of a file that is printed for a shape; `title` begins with the kernel's name.
pub fn head(title: &str, shape: &Value, numbers: &str) -> String {
    format!("{HEAD}{}: {title}\n// {}{numbers}\n", env!("CARGO_PKG_VERSION"), spelled(shape))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{cases, fields};

    #[test]
    fn a_head_says_what_the_file_was_printed_for() {
        for case in cases() {
            let (kernel, shape) = (case.op.kernel().name, case.op.shape());
            let head = head(&format!("{kernel} portable for {}", case.name), &shape, " TM=8 TN=4");
            let file = WgslFile::new("mine.wgsl", head + "enable f16;\n");
            let (named, own) = file.printed_for().unwrap();
            assert_eq!((named, own), (kernel, spelled(&shape).as_str()));
            assert!(fields(own).is_ok(), "{own}");
        }
        for text in
            ["", "// linear: y\n// a=1\n", "// i2vgen 0.1.0: linear register for x\nstruct Params {", "// i2vgen\n"]
        {
            assert_eq!(WgslFile::new("mine.wgsl", text).printed_for(), None, "{text}");
        }
    }
}
