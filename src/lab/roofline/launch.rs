//! What it costs to start work: one more dispatch, one more submission, one more pass with timestamps, and the way there and back.

use std::time::Instant;

use super::{
    bench::{Bench, Measurement},
    micro::NOTHING,
};
use crate::{gpu::Device, graph::Error, kernel::Defines};

/// What starting work costs, in seconds.
pub(super) struct Launch {
    /// One dispatch, submitted and waited for.
    pub round_trip: Measurement,
    /// One more dispatch in a pass.
    pub dispatch: Measurement,
    /// One more submission of a dispatch, beyond the dispatch.
    pub submission: Measurement,
    /// One more pass with two timestamps, beyond the dispatch in it.
    pub timed_pass: Option<Measurement>,
    /// What timestamps tell for a dispatch.
    pub timed_nothing: Option<Measurement>,
}

/// Few and many.
const COUNTS: [usize; 2] = [16, 272];
const RUNS: usize = 9;

/// Measures with a kernel that does nothing. Costs are differences between many and few, so that what all runs have in common falls out.
pub(super) fn measure(device: &Device) -> Result<Launch, Error> {
    let y = device.buffer("a word", 16)?;
    // The word that tells microbenchmarks their rounds has to be 0 here.
    let mut bench = Bench::new(device, &NOTHING, &Defines::new(), &[], &[&y], 1)?;
    for _ in 0..3 {
        bench.seconds(0)?;
    }
    let timed = |run: &dyn Fn() -> Result<(), Error>| {
        let start = Instant::now();
        run()?;
        device.wait()?;
        Ok::<_, Error>(start.elapsed().as_secs_f64())
    };
    let each = |run: &dyn Fn(usize) -> Result<(), Error>| {
        let [few, many] = COUNTS;
        run(few)?;
        let slope = || {
            let (few_seconds, many_seconds) = (timed(&|| run(few))?, timed(&|| run(many))?);
            Ok::<_, Error>(((many_seconds - few_seconds) / (many - few) as f64).max(0.0))
        };
        (0..RUNS).map(|_| slope()).collect::<Result<Vec<_>, _>>()
    };
    let commands = |count: usize| vec![bench.command().clone(); count];
    let once = commands(1);
    let mut round_trips = Vec::new();
    for _ in 0..4 * RUNS {
        round_trips.push(timed(&|| {
            device.submit(&once);
            Ok(())
        })?);
    }
    let dispatches = each(&|count| {
        device.submit(&commands(count));
        Ok(())
    })?;
    let submissions = each(&|count| {
        (0..count).for_each(|_| device.submit(&once));
        Ok(())
    })?;
    let measured = |what: &str, values: Vec<f64>| {
        Measurement::new(what.into(), "one workgroup of one thread".into(), 1, values, false)
    };
    let dispatch = measured("one more dispatch", dispatches);
    let beyond = |values: Vec<f64>| values.into_iter().map(|v| (v - dispatch.median).max(0.0)).collect::<Vec<_>>();
    let (mut timed_pass, mut timed_nothing) = (None, None);
    if device.capabilities().timestamps {
        let passes = each(&|count| Ok(device.submit_timed(&commands(count)).map(|_| ())?))?;
        timed_pass = Some(measured("one more pass with timestamps, beyond its dispatch", beyond(passes)));
        let spans = device.submit_timed(&commands(COUNTS[1]))?;
        let told: Vec<f64> = spans.into_iter().flatten().map(|span| span.seconds()).collect();
        // Some clocks are too coarse to tell it at all.
        timed_nothing = (!told.is_empty()).then(|| measured("a dispatch, as its timestamps tell it", told));
    }
    Ok(Launch {
        round_trip: measured("a dispatch, submitted and waited for", round_trips),
        submission: measured("one more submission, beyond its dispatch", beyond(submissions)),
        dispatch,
        timed_pass,
        timed_nothing,
    })
}
