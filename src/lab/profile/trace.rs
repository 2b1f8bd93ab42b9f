//! A timeline for Chrome's `about:tracing` and Perfetto: dispatches inside of the layers that they belong to.

use serde_json::{Value, json};

use super::{
    record::{Phase, Profile},
    tree,
};
use crate::gpu::Span;

/// The trace of the last repetition of every phase, one thread each. Where the clock told no begin, dispatches follow each other.
///
/// Format: "Trace Event Format", complete events (`X`), times in microseconds.
pub fn trace(profile: &Profile) -> Value {
    let mut events = Vec::new();
    for (thread, phase) in profile.phases.iter().enumerate() {
        let name = phase.kind.name();
        events.push(json!({ "ph": "M", "pid": 0, "tid": thread, "name": "thread_name", "args": { "name": name } }));
        events.extend(phase_events(profile, phase, thread));
    }
    let about = json!({
        "program": format!("i2vgen {}", profile.version), "model": profile.setup.model, "device": profile.device.name,
        "driver": profile.device.driver, "dtype": profile.setup.dtype, "size": profile.setup.size, "frames": profile.setup.frames,
    });
    json!({ "traceEvents": events, "displayTimeUnit": "ms", "otherData": about })
}

fn phase_events(profile: &Profile, phase: &Phase, thread: usize) -> Vec<Value> {
    let spans = spans(phase);
    let event = |name: &str, span: Span, args: Value| {
        let (begin, length) = (span.start * 1e6, span.seconds() * 1e6);
        json!({ "ph": "X", "pid": 0, "tid": thread, "name": name, "cat": phase.kind.name(), "ts": begin, "dur": length, "args": args })
    };
    let mut events = Vec::new();
    // Layers that are open, with the times of their first dispatch and of the last one so far.
    let mut open: Vec<(&str, Span)> = Vec::new();
    let mut close = |open: &mut Vec<(&str, Span)>, depth: usize| {
        while open.len() > depth {
            if let Some((name, span)) = open.pop() {
                events.push(event(name, span, json!({})));
            }
        }
    };
    let mut dispatches = Vec::new();
    for (d, span) in phase.dispatches.iter().zip(spans) {
        let Some(span) = span else { continue };
        let layers = tree::parts(&d.label);
        let same = open.iter().zip(&layers).take_while(|((name, _), layer)| name == *layer).count();
        close(&mut open, same);
        open.iter_mut().for_each(|(_, layer)| layer.end = layer.end.max(span.end));
        open.extend(layers.iter().skip(same).map(|layer| (*layer, span)));
        let seconds = span.seconds();
        let args = json!({
            "label": d.label, "variant": d.variant, "numbers": d.numbers, "shape": d.shape, "piece": d.piece,
            "GFLOP/s": d.cost.flops / seconds / 1e9, "GB/s": d.cost.bytes / seconds / 1e9,
            "share of the roof": profile.ceilings.share(d.cost, seconds),
        });
        dispatches.push(event(&d.kernel_variant(), span, args));
    }
    close(&mut open, 0);
    // Of events that begin together the longer one is the outer one, if it comes first.
    events.reverse();
    events.extend(dispatches);
    events
}

fn spans(phase: &Phase) -> Vec<Option<Span>> {
    if phase.dispatches.iter().any(|d| d.span.is_some()) {
        return phase.dispatches.iter().map(|d| d.span).collect();
    }
    let mut at = 0.0;
    let mut next = |seconds: f64| {
        let span = Span { start: at, end: at + seconds };
        at = span.end;
        span
    };
    phase.dispatches.iter().map(|d| d.seconds().map(&mut next)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::profile::sample::{dispatch, profile};

    fn complete(trace: &Value) -> Vec<(String, f64, f64)> {
        let events = trace["traceEvents"].as_array().unwrap().iter().filter(|e| e["ph"] == "X");
        events
            .map(|e| (e["name"].as_str().unwrap().into(), e["ts"].as_f64().unwrap(), e["dur"].as_f64().unwrap()))
            .collect()
    }

    #[test]
    fn layers_hold_their_dispatches() {
        let mut profile = profile(1.0);
        let mut more = dispatch("down_blocks.0.resnets.1.conv1", "conv2d", [1.0, 1.0], &[]);
        more.span = Some(Span { start: 10.5, end: 10.9 });
        profile.phases[0].dispatches.insert(1, more);
        let events = complete(&trace(&profile));
        let of =
            |name: &str| events.iter().filter(|e| e.0 == name).map(|e| (e.1, (e.1 + e.2).round())).collect::<Vec<_>>();
        assert_eq!(of("down_blocks.0"), [(0.0, 10_900_000.0)]);
        assert_eq!(of("resnets.1"), [(10_500_000.0, 10_900_000.0)]);
        assert_eq!(of("conv_out"), [(11_000_000.0, 31_000_000.0)]);
        assert_eq!(of("conv2d portable").len(), 2);
        let outer = events.iter().position(|e| e.0 == "down_blocks.0");
        assert!(outer < events.iter().position(|e| e.0 == "resnets.0"));
    }

    #[test]
    fn without_begins_dispatches_follow_each_other() {
        let mut profile = profile(1.0);
        profile.phases[0].dispatches.iter_mut().for_each(|d| d.span = None);
        let events = complete(&trace(&profile));
        let last = events.iter().find(|e| e.0 == "linear portable").unwrap();
        assert!((last.1 - 10_025_000.0).abs() < 1.0, "{events:?}");
    }
}
