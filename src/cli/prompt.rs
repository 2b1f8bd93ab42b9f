//! `i2vgen prompt`: what a prompt says to a video model, and how it would say it better.

use clap::Args;
use i2vgen::{
    checkpoint::ModelFiles,
    prompt::{
        Encoded, Tokenizer,
        grammar::{Analysis, Verb, analyse},
    },
};
use serde_json::{Value, json};

use super::{Error, options::ModelOption, output};

/// Check a prompt: its verbs, their tense, what moves, and how many tokens the model reads
///
/// Video models take the simple present for a state and the past for a replay; the present continuous carries motion. Only the
/// text is read, no picture and no device is needed. Tokens are counted with the tokenizer of the model that `generate` would take.
#[derive(Args)]
pub struct Prompt {
    /// What is to happen
    text: String,
    /// Print nothing but the prompt in the present continuous, for use in another command
    #[arg(long, conflicts_with = "json")]
    rewrite_prompt: bool,
    #[command(flatten)]
    model: ModelOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Prompt {
    pub fn run(self) -> Result<(), Error> {
        let analysis = analyse(&self.text);
        if self.rewrite_prompt {
            return output::print(analysis.rewrite.as_deref().unwrap_or(&self.text));
        }
        let files = self.model.files();
        let tokenizer = Tokenizer::open(&files)?;
        let tokens = tokenizer.encode(&self.text)?;
        match self.json {
            true => output::print_json(&as_json(&self.text, &analysis, &tokens, &files)),
            false => output::print(&as_text(&analysis, &tokens, &files)),
        }
    }
}

fn as_text(analysis: &Analysis, tokens: &Encoded, files: &ModelFiles) -> String {
    let width = analysis.verbs.iter().map(|verb| verb.text.chars().count()).max().unwrap_or(0);
    let line = |verb: &Verb| {
        let not = if verb.negated { ", negated" } else { "" };
        format!("{:<width$}  {}, {}, {}{not}", verb.text, verb.tense, verb.number, verb.kind)
    };
    let mut lines: Vec<String> = analysis.verbs.iter().map(line).collect();
    lines.extend(analysis.findings.iter().map(ToString::to_string));
    lines.extend(analysis.rewrite.iter().map(|better| format!("better: {better}")));
    if analysis.findings.is_empty() {
        lines.push("nothing to change".into());
    }
    let (used, all) = (tokens.tokens, tokens.ids.len());
    lines
        .push(format!("{used} of {all} tokens of the model '{}', the marks of start and end among them", files.name()));
    lines.extend(tokens.cut.iter().map(|cut| format!("too long; this part has no effect: \"{cut}\"")));
    lines.join("\n")
}

fn as_json(prompt: &str, analysis: &Analysis, tokens: &Encoded, files: &ModelFiles) -> Value {
    let verb = |verb: &Verb| {
        json!({
            "text": verb.text, "start": verb.range.start, "end": verb.range.end, "base": verb.base,
            "tense": verb.tense.to_string(), "number": verb.number.to_string(), "kind": verb.kind.to_string(),
            "negated": verb.negated,
        })
    };
    json!({
        "prompt": prompt,
        "verbs": analysis.verbs.iter().map(verb).collect::<Vec<_>>(),
        "findings": analysis.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "rewrite": analysis.rewrite,
        "tokens": { "model": files.name(), "used": tokens.tokens, "of": tokens.ids.len(), "cut": tokens.cut },
    })
}
