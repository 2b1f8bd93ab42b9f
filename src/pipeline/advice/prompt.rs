//! What is to be said about a prompt.

use super::{Advice, Topic};
use crate::prompt::{
    Encoded,
    grammar::{Analysis, Finding, weights},
};

/// One line for each finding of the grammar, and one for the rewrite.
pub fn prompt(analysis: &Analysis) -> Vec<Advice> {
    let line = |finding: &Finding| {
        let flag = match finding {
            // It may be all that is meant.
            Finding::OneMotion { .. } => return Advice::known(Topic::Prompt, finding.to_string()),
            Finding::Tense { .. } => "-p, or --rewrite-prompt",
            _ => "-p",
        };
        Advice::new(Topic::Prompt, finding.problem(), format!("{} ({flag})", finding.remedy()))
    };
    let mut lines: Vec<Advice> = analysis.findings.iter().map(line).collect();
    let rewrite = analysis.rewrite.iter().map(|better| format!("--rewrite-prompt would use \"{better}\""));
    lines.extend(rewrite.map(|line| Advice::known(Topic::Prompt, line)));
    lines
}

/// What is told about a negative prompt: its grammar does not matter.
pub fn negative(text: &str) -> Option<Advice> {
    let found = weights(text)?;
    let problem = format!("of the negative prompt, {}", found.problem());
    Some(Advice::new(Topic::Prompt, problem, format!("{} (-n)", found.remedy())))
}

/// What is told where a text is longer than the text encoder reads; `name` is "prompt" or "negative prompt".
pub fn too_long(name: &str, tokens: &Encoded) -> Option<Advice> {
    let cut = tokens.cut.as_ref()?;
    let finding = format!("the {name} is longer than {} tokens; this part has no effect: \"{cut}\"", tokens.ids.len());
    let flag = if name == "prompt" { "-p" } else { "-n" };
    Some(Advice::new(Topic::Prompt, finding, format!("shorten it ({flag})")))
}
