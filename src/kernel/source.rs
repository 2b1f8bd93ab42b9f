//! From a kernel's WGSL file and its defines to plain WGSL.
//!
//! The files are WGSL with lines that begin with `#` (conditions, loops that are unrolled, includes) and `${…}` for values,
//! expanded by minijinja. `#` and `$` mean nothing in WGSL, so a kernel still reads as one.

use std::sync::LazyLock;

use minijinja::{Environment, UndefinedBehavior, syntax::SyntaxConfig};

use super::{Define, Defines, list::SHARED};

/// A kernel's file did not expand.
#[derive(Debug, thiserror::Error)]
#[error("kernel '{kernel}': its WGSL does not expand: {reason}")]
pub struct SourceError {
    /// The kernel.
    pub kernel: String,
    /// What the template engine says, with the line.
    pub reason: String,
}

static SHARED_FILES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut env = Environment::new();
    let syntax = SyntaxConfig::builder()
        .line_statement_prefix("#")
        .variable_delimiters("${", "}")
        .block_delimiters("{%", "%}")
        .comment_delimiters("{#", "#}")
        .build();
    if let Ok(syntax) = syntax {
        env.set_syntax(syntax);
    }
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_keep_trailing_newline(true);
    for (name, text) in SHARED {
        // A file that does not parse is reported when a kernel includes it.
        let _ = env.add_template(name, text);
    }
    env
});

/// Expands the WGSL `text` of `kernel` with `defines`. What defines ask for
/// is enabled in front: f16 storage, cooperative matrices.
pub fn specialise(kernel: &str, text: &str, defines: &Defines) -> Result<String, SourceError> {
    let error = |e: minijinja::Error| SourceError { kernel: kernel.to_owned(), reason: format!("{e:#}") };
    let body = SHARED_FILES.render_named_str(kernel, text, defines).map_err(error)?;
    let mut enabled = String::new();
    if defines.iter().any(|(name, v)| *v == Define::Name("f16") && !PACKED.contains(name)) {
        enabled += "enable f16;\n";
    }
    if defines.contains_key(MATRIX) {
        enabled += "enable wgpu_cooperative_matrix;\n";
    }
    Ok(enabled + &body)
}

/// The define that holds the side of a cooperative matrix.
pub(super) const MATRIX: &str = "MM";
/// Defines that name the type of packed weights, which are read without the f16 feature.
const PACKED: [&str; 1] = ["W"];
