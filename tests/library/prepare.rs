//! Preparing the input picture: how well subjects are found in made pictures, and what happens to a picture afterwards.

use crate::made::{Case, development, held_out};
use i2vgen::prepare::{Hints, Rect, Settings, Subject};

/// Intersection over union: 1 for equal boxes, 0 for boxes apart.
fn iou(a: &Rect, b: &Rect) -> f64 {
    let area = |rect: &Rect| f64::from(rect.width) * f64::from(rect.height);
    let common = a.intersection(b).map_or(0.0, |rect| area(&rect));
    common / (area(a) + area(b) - common)
}

/// Prints a row per picture and returns: mean IoU where confident, share that is confident, share of empty ones
/// declined.
fn measure(title: &str, cases: &[Case]) -> [f64; 3] {
    println!("{title}\n{:40} {:>5} {:>10}  found", "picture", "IoU", "confidence");
    let (mut overlaps, mut subjects, mut declined, mut empty) = (Vec::new(), 0, 0, 0);
    for case in cases {
        let found = Subject::find(&case.picture, &Hints::default()).unwrap();
        let confident = found.as_ref().filter(|subject| subject.confidence >= Settings::default().confidence);
        let overlap = case.truth.and_then(|truth| Some(iou(&truth, &confident?.bounds)));
        match case.truth {
            Some(_) => subjects += 1,
            None => empty += 1,
        }
        overlaps.extend(overlap);
        declined += usize::from(case.truth.is_none() && confident.is_none());
        let overlap = overlap.map_or("-".to_owned(), |overlap| format!("{overlap:.2}"));
        let confidence = found.as_ref().map_or(0.0, |subject| subject.confidence);
        let bounds = confident.map_or("declined".to_owned(), |subject| subject.bounds.to_string());
        println!("{:40} {overlap:>5} {confidence:>10.2}  {bounds}", case.name);
    }
    let mean = overlaps.iter().sum::<f64>() / overlaps.len() as f64;
    let share = overlaps.len() as f64 / f64::from(subjects);
    let low = overlaps.iter().copied().fold(1.0, f64::min);
    println!(
        "mean IoU {mean:.3} (least {low:.2}), confident on {} of {subjects}, declined {declined} of {empty}\n",
        overlaps.len()
    );
    [mean, share, declined as f64 / f64::from(empty)]
}

/// Fails where the numbers that the documentation promises are not reached.
fn check(title: &str, cases: &[Case]) {
    let [overlap, confident, declined] = measure(title, cases);
    assert!(overlap >= 0.7 && confident >= 0.75 && declined >= 0.8, "{title}: {overlap} {confident} {declined}");
}

#[test]
fn subjects_are_found_in_the_set_the_method_was_made_with() {
    check("the set the method was made with", &development());
}

#[test]
fn subjects_are_found_in_the_held_out_set() {
    check("the held-out set", &held_out());
}
