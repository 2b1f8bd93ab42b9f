//! Contestants run in turn, round by round, and every result is read back and compared.

use std::time::Instant;

use crate::{
    Error,
    numbers::{numbers, scale_for},
    problem::Problem,
    reference::{Element, elements, rms},
};

/// Somebody who computes a problem.
pub trait Contestant {
    /// Who it is.
    fn name(&self) -> &'static str;
    /// How far an element may be off, in parts of the output's rms.
    fn tolerance(&self) -> f64 {
        1e-4
    }
    /// Takes the input that is new in this round, and waits until it is there.
    fn load(&mut self, first: &[f32]) -> Result<(), Error>;
    /// Computes so many times; ends when a first part of the last result is back on the host, so that the work is done.
    fn run(&mut self, runs: usize) -> Result<(), Error>;
    /// All of the last result, `[rows, columns]`.
    fn output(&mut self) -> Result<Vec<f32>, Error>;
}

/// How the contest goes.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Rounds that count.
    pub rounds: usize,
    /// Seconds that a contestant should compute in a round, at least.
    pub sample: f64,
}

/// What a contestant needed.
#[derive(Clone, Debug)]
pub struct Times {
    /// Who.
    pub name: &'static str,
    /// Seconds of the first run, which compiles and tunes.
    pub first: f64,
    /// Seconds of a run, in each round.
    pub seconds: Vec<f64>,
}

/// Runs of a sample at most.
const MAX_RUNS: f64 = 100.0;
/// Runs before the rounds, besides the first one.
const WARM_UPS: usize = 2;

/// The inputs that stay the same in all rounds.
pub fn others(problem: &Problem) -> Vec<Vec<f32>> {
    let scale = match problem {
        Problem::Attention { .. } => 1.0,
        _ => scale_for(problem.terms()),
    };
    (0..).zip(problem.others()).map(|(i, count)| numbers(u64::MAX - i, count, scale)).collect()
}

/// Warms all contestants up and lets them compute in turn.
pub fn contest(
    problem: &Problem,
    others: &[Vec<f32>],
    contestants: &mut [Box<dyn Contestant>],
    rules: Rules,
) -> Result<Vec<Times>, Error> {
    let mut round = Round::new(problem, others, 0);
    let mut runs = Vec::new();
    let mut times = Vec::new();
    for contestant in contestants.iter_mut() {
        contestant.load(&round.first)?;
        let first = seconds(contestant.as_mut(), 1)?;
        let mut warm = first;
        for _ in 0..WARM_UPS {
            warm = seconds(contestant.as_mut(), 1)?;
        }
        runs.push((rules.sample / warm).ceil().clamp(1.0, MAX_RUNS) as usize);
        times.push(Times { name: contestant.name(), first, seconds: Vec::new() });
    }
    round.compare(contestants)?;
    let count = contestants.len();
    for number in 1..=rules.rounds {
        // A result that an earlier round left in memory does not fit to the inputs of this one.
        round = Round::new(problem, others, number as u64);
        for contestant in contestants.iter_mut() {
            contestant.load(&round.first)?;
        }
        // Another one begins in every round.
        for at in (0..count).map(|i| (i + number) % count) {
            times[at].seconds.push(seconds(contestants[at].as_mut(), runs[at])?);
        }
        round.compare(contestants)?;
    }
    Ok(times)
}

/// Seconds of one of so many runs.
fn seconds(contestant: &mut dyn Contestant, runs: usize) -> Result<f64, Error> {
    let start = Instant::now();
    contestant.run(runs)?;
    Ok(start.elapsed().as_secs_f64() / runs as f64)
}

/// The input of a round, and what has to come out.
struct Round<'a> {
    problem: &'a Problem,
    first: Vec<f32>,
    elements: Vec<Element>,
}

impl<'a> Round<'a> {
    fn new(problem: &'a Problem, others: &[Vec<f32>], seed: u64) -> Self {
        let first = numbers(seed, problem.first(), 1.0);
        let elements = elements(problem, &first, others, seed);
        Self { problem, first, elements }
    }

    /// Some elements of every result are compared with the reference, all of them with those of the first contestant.
    fn compare(&self, contestants: &mut [Box<dyn Contestant>]) -> Result<(), Error> {
        let rms = rms(&self.elements);
        let mut leader: Option<(Vec<f32>, f64)> = None;
        for contestant in contestants {
            let found = contestant.output()?;
            let told = |with: &str, at: usize, expected: f64| {
                let (name, problem) = (contestant.name(), self.problem);
                format!("{problem}: element {at} of {name} is {}, of {with} {expected}", found[at])
            };
            let expected = self.problem.rows() * self.problem.columns();
            if found.len() != expected {
                let name = contestant.name();
                return Err(format!("{}: {name} gave {} elements of {expected}", self.problem, found.len()).into());
            }
            let close = |at: usize, value: f64, tolerance: f64| (f64::from(found[at]) - value).abs() <= tolerance * rms;
            let tolerance = contestant.tolerance();
            if let Some(off) = self.elements.iter().find(|e| !close(e.at, e.value, tolerance)) {
                return Err(told("the reference", off.at, off.value).into());
            }
            match &leader {
                None => leader = Some((found, tolerance)),
                Some((first, slack)) => {
                    let off = (0..expected).find(|&at| !close(at, f64::from(first[at]), tolerance + slack));
                    if let Some(at) = off {
                        return Err(told("the first contestant", at, f64::from(first[at])).into());
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBLEM: Problem = Problem::Matmul { rows: 5, inner: 3, columns: 4 };

    /// Computes in f64; from some load on it leaves its result as it was.
    struct Loops {
        loads: usize,
        stuck_from: usize,
        first: Vec<f32>,
        result: Vec<f32>,
    }

    impl Contestant for Loops {
        fn name(&self) -> &'static str {
            "loops"
        }

        fn load(&mut self, first: &[f32]) -> Result<(), Error> {
            self.loads += 1;
            self.first = first.to_vec();
            Ok(())
        }

        fn run(&mut self, _: usize) -> Result<(), Error> {
            if self.loads < self.stuck_from {
                let w = &others(&PROBLEM)[0];
                let one = |at: usize| (0..3).map(|k| self.first[at / 4 * 3 + k] * w[at % 4 * 3 + k]).sum();
                self.result = (0..20).map(one).collect();
            }
            Ok(())
        }

        fn output(&mut self) -> Result<Vec<f32>, Error> {
            Ok(self.result.clone())
        }
    }

    fn hold(stuck_from: usize) -> Result<Vec<Times>, Error> {
        let loops = |stuck_from| -> Box<dyn Contestant> {
            Box::new(Loops { loads: 0, stuck_from, first: Vec::new(), result: Vec::new() })
        };
        let mut contestants = [loops(usize::MAX), loops(stuck_from)];
        contest(&PROBLEM, &others(&PROBLEM), &mut contestants, Rules { rounds: 3, sample: 0.0 })
    }

    #[test]
    fn all_rounds_are_timed() {
        let times = hold(usize::MAX).unwrap();
        assert!(times.iter().all(|times| times.seconds.len() == 3));
    }

    #[test]
    fn who_computes_nothing_is_found_out() {
        let none = hold(0).unwrap_err().to_string();
        assert!(none.contains("loops gave 0 elements of 20"), "{none}");
        let stale = hold(3).unwrap_err().to_string();
        assert!(stale.contains("of loops is"), "{stale}");
    }
}
