//! What is weak about a picture, and what preparation does about it.

use super::{Advice, Topic};
use crate::prepare::{Action, Finding, Mode, Report, Stages, Why};

/// One line for each weakness and for each thing that was done to it; where `mode`, the one in force, is off: for what would be done.
pub fn picture(report: &Report, mode: Mode) -> Vec<Advice> {
    let certain = !report.findings.iter().any(|finding| matches!(finding, Finding::NoSubject { .. }));
    let told = |action: &Action| match mode {
        Mode::Off => format!("--prepare auto: {action}"),
        _ => format!("preparation: {action}"),
    };
    let blocked = report.actions.iter().fold(Stages::default(), |all, action| match action {
        Action::LeftOut { stages, why: Why::Blocks } => all.or(*stages),
        _ => all,
    });
    let weak = report.findings.iter().map(|finding| match change(finding, mode, certain, blocked) {
        Some(change) => Advice::new(Topic::Picture, finding.problem(), change),
        // A complaint with nothing to do about it would contradict that there is nothing to change.
        None => Advice::known(Topic::Picture, format!("{}; preparation helps", finding.problem())),
    });
    // Why it is off is known to who turned it off.
    let done = report.actions.iter().filter(|action| !matches!(action, Action::LeftAlone { why: Why::Off }));
    weak.chain(done.map(|action| Advice::known(Topic::Picture, told(action)))).collect()
}

/// What to do against a weakness, unless preparation does it; only edges can be strengthened without a `certain` subject, and nothing does
/// what is `blocked`.
fn change(finding: &Finding, mode: Mode, certain: bool, blocked: Stages) -> Option<String> {
    let called = finding.calls_for().without(blocked);
    let possible = if certain { called } else { Stages { edges: called.edges, ..Stages::default() } };
    let runs = match mode {
        Mode::Off => Stages::default(),
        Mode::Auto if certain => possible,
        Mode::Auto => Stages::default(),
        Mode::Only(stages) => stages,
    };
    let missing = possible.without(runs);
    match finding {
        Finding::NoSubject { .. } => Some("mark it by --mask or --subject".to_owned()),
        Finding::SubjectUnused => Some("--prepare auto uses it".to_owned()),
        Finding::SubjectCut { .. } => Some("choose another aspect (--width, --height)".to_owned()),
        _ if missing != Stages::default() => Some(format!("--prepare {missing} helps")),
        _ if possible != Stages::default() => None,
        _ => finding.remedy().map(str::to_owned),
    }
}
