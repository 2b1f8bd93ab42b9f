//! From a kernel's WGSL file and its defines to plain WGSL.
//!
//! The files are WGSL with lines that begin with `#` (conditions, loops that are unrolled, includes) and `${…}` for values,
//! expanded by minijinja. `#` and `$` mean nothing in WGSL, so a kernel still reads as one.

use std::sync::LazyLock;

use minijinja::{Environment, ErrorKind, UndefinedBehavior, syntax::SyntaxConfig};

use super::{Defines, WgslFile, list::SHARED};

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

/// Expands the WGSL `text` of `kernel` with `defines`. What it needs, f16 and cooperative matrices, is enabled in front, on the
/// first line: the lines of a text without template lines keep their numbers.
pub fn specialise(kernel: &str, text: &str, defines: &Defines) -> Result<String, SourceError> {
    expand(&SHARED_FILES, kernel, text, defines)
}

/// The same of a user's file: it includes what lies beside it, and of the rest the program's own.
pub(super) fn specialise_file(file: &WgslFile, defines: &Defines) -> Result<String, SourceError> {
    if file.beside.is_empty() {
        return specialise(&file.path, &file.text, defines);
    }
    let mut env = SHARED_FILES.clone();
    for (name, text) in &file.beside {
        env.add_template(name, text).map_err(|e| told(&file.path, e))?;
    }
    expand(&env, &file.path, &file.text, defines)
}

/// What the template engine says, down to what is wrong in an included file.
fn told(kernel: &str, error: minijinja::Error) -> SourceError {
    let causes = std::iter::successors(std::error::Error::source(&error), |error| error.source());
    let reason = causes.fold(format!("{error:#}"), |reason, cause| format!("{reason}: {cause:#}"));
    SourceError { kernel: kernel.to_owned(), reason }
}

/// The name that has no value, and where: the template engine shows the line without a word of the name.
fn undefined(error: &minijinja::Error) -> Option<String> {
    let all = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let innermost = all.filter_map(|error| error.downcast_ref::<minijinja::Error>()).last()?;
    let name = innermost.template_source()?.get(innermost.range()?)?.trim();
    // Of an included file with its name: that of the whole is told anyway.
    let file =
        innermost.name().filter(|name| error.name() != Some(name)).map_or(String::new(), |name| format!("{name}, "));
    let line = innermost.line()?;
    (innermost.kind() == ErrorKind::UndefinedError).then(|| format!("{file}line {line}: `{name}` has no value"))
}

/// Does WGSL have this word outside of line comments?
fn names(wgsl: &str, word: &str) -> bool {
    let apart = |c: char| !c.is_alphanumeric() && c != '_';
    wgsl.lines().filter_map(|line| line.split("//").next()).any(|code| code.split(apart).any(|found| found == word))
}

fn expand(env: &Environment<'_>, kernel: &str, text: &str, defines: &Defines) -> Result<String, SourceError> {
    let mut body = env.render_named_str(kernel, text, defines).map_err(|error| match undefined(&error) {
        None => told(kernel, error),
        Some(told) => {
            let known = defines.keys().copied().collect::<Vec<_>>().join(", ");
            SourceError { kernel: kernel.to_owned(), reason: format!("{told}; there are {known}") }
        }
    })?;
    let f16 = names(&body, "f16");
    let wanted = [("f16", f16), ("wgpu_cooperative_matrix", defines.contains_key(MATRIX))];
    for (feature, _) in wanted.into_iter().filter(|(_, wanted)| *wanted) {
        let enable = format!("enable {feature}");
        if !body.lines().any(|line| line.trim_start().starts_with(&enable)) {
            body.insert_str(0, &format!("{enable}; "));
        }
    }
    Ok(body)
}

/// The define that holds the side of a cooperative matrix.
pub(super) const MATRIX: &str = "MM";
