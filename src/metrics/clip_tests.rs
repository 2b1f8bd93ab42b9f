use super::super::testing::{disc, moving, none};
use super::*;

fn measured(clip: &Clip) -> Measures {
    measure(clip, Reference::FirstFrame).unwrap()
}

fn value(measures: &Measures, measure: Measure) -> f64 {
    measures.mean.get(&measure).copied().unwrap_or_else(|| panic!("no {measure:?}: {:?}", measures.mean))
}

/// Grain as cameras and codecs leave it: a few levels, different in every sample and frame.
fn grain(t: usize, x: u32, y: u32, channel: usize, value: f32) -> f32 {
    let mixed =
        (t as u32 * 7919 + y * 104_729 + x * 1_299_709 + channel as u32 * 15_485_863).wrapping_mul(2_654_435_761);
    value + (mixed >> 29) as f32 - 3.5
}

#[test]
fn a_steady_clip() {
    let found = measured(&moving());
    // A disc of radius 14 covers 15 % of the frame and moves by 2 pixels.
    assert!((0.24..0.36).contains(&value(&found, Measure::Motion)), "{:?}", found.mean);
    assert!(value(&found, Measure::Smoothness) > 0.85, "{:?}", found.mean);
    assert!(value(&found, Measure::Backward) < 0.03, "{:?}", found.mean);
    assert!(value(&found, Measure::Returning) < 0.02, "{:?}", found.mean);
    assert!(value(&found, Measure::BrightnessFlicker) < 0.8, "{:?}", found.mean);
    assert!(value(&found, Measure::ColourFlicker) < 0.8, "{:?}", found.mean);
    assert_eq!(found.frames.len(), 8);
    let keys = |index: usize| found.frames[index].keys().copied().collect::<Vec<_>>();
    assert!(keys(0).is_empty(), "the first frame has nothing to be compared with: {:?}", keys(0));
    assert!(keys(1).contains(&Measure::Psnr) && !keys(1).contains(&Measure::Smoothness));
    assert!(keys(2).contains(&Measure::Smoothness));
}

/// Red on green of the same brightness.
#[test]
fn colours_alone_show_motion() {
    let flat = |t: usize, x: u32, y: u32, channel: usize, _: f32| {
        let inside = (x as f32 - 22.0 - 2.0 * t as f32).hypot(y as f32 - 32.0) < 14.0;
        if inside { [150.0, 60.0, 60.0][channel] } else { [60.0, 106.0, 60.0][channel] }
    };
    let found = measured(&disc(4, |_| [30.0, 32.0], flat));
    assert!((0.22..0.42).contains(&value(&found, Measure::Motion)), "{:?}", found.mean);
}

#[test]
fn a_still_clip_has_no_motion_and_no_direction() {
    let found = measured(&disc(4, |_| [30.0, 32.0], none));
    assert_eq!(value(&found, Measure::StepPsnr), super::super::EQUAL_PSNR);
    assert!(value(&found, Measure::Motion) < 1e-3, "{:?}", found.mean);
    for measure in [Measure::Smoothness, Measure::Backward, Measure::Returning] {
        assert_eq!(found.mean.get(&measure), None);
    }
    let noisy = measured(&disc(4, |_| [30.0, 32.0], grain));
    assert!(value(&noisy, Measure::Motion) < 0.1 * value(&measured(&moving()), Measure::Motion), "{:?}", noisy.mean);
    assert!(value(&noisy, Measure::StepPsnr) < 45.0);
}

#[test]
fn a_reversed_clip_comes_back_to_the_picture() {
    let clip = moving();
    let reversed = Clip { frames: clip.frames.iter().rev().cloned().collect(), ..clip.clone() };
    let against = |clip: &Clip| measure(clip, Reference::Picture(&moving().frames[0])).unwrap();
    let (forward, backward) = (against(&clip), against(&reversed));
    assert!(value(&forward, Measure::Returning) < 0.02 && value(&backward, Measure::Returning) > 0.98);
    assert_eq!(forward.frames[0][&Measure::Psnr], super::super::EQUAL_PSNR);
    assert!(backward.frames[0][&Measure::Psnr] < 25.0);
    // Its own direction is one, too; only that of the other clip tells.
    assert!(value(&backward, Measure::Backward) < 0.03);
    let agreement = backward.path.agreement(&forward.path).unwrap();
    assert!(agreement.direction < -0.8 && agreement.displacement < -0.8, "{agreement:?}");
    let same = forward.path.agreement(&measured(&clip).path).unwrap();
    assert!((same.direction - 1.0).abs() < 1e-9 && (same.displacement - 1.0).abs() < 1e-9);
}

#[test]
fn a_clip_that_goes_to_and_fro_is_half_backward() {
    let found = measured(&disc(9, |t| [22.0 + 2.0 * if t < 4.0 { t } else { 8.0 - t }, 32.0], none));
    assert!((0.4..0.6).contains(&value(&found, Measure::Backward)), "{:?}", found.mean);
    assert!((0.45..0.55).contains(&value(&found, Measure::Returning)), "{:?}", found.mean);
    // One step back among seven.
    let hop = measured(&disc(8, |t| [22.0 + 2.0 * if t < 4.0 { t } else { t - 2.0 }, 32.0], none));
    assert!((0.1..0.2).contains(&value(&hop, Measure::Backward)), "{:?}", hop.mean);
    let worst = hop.frames.iter().map(|values| values.get(&Measure::Backward).copied().unwrap_or(0.0));
    let worst: Vec<f64> = worst.collect();
    assert!(worst[4] > 0.8 && worst[3] < 0.05, "{worst:?}");
}

#[test]
fn a_jerky_clip_is_not_smooth() {
    let jerky = measured(&disc(9, |t| [22.0 + 4.0 * (t / 2.0).floor(), 32.0], none));
    let steady = measured(&disc(9, |t| [22.0 + 2.0 * t, 32.0], none));
    assert!(value(&jerky, Measure::Smoothness) < 0.15, "{:?}", jerky.mean);
    let ratio = value(&jerky, Measure::Motion) / value(&steady, Measure::Motion);
    assert!((0.85..1.15).contains(&ratio), "as much motion on the whole: {ratio}");
}

#[test]
fn a_flickering_clip_flickers_and_moves_no_more() {
    let still = |change: fn(usize, u32, u32, usize, f32) -> f32| measured(&disc(6, |_| [30.0, 32.0], change));
    let moves = |change: fn(usize, u32, u32, usize, f32) -> f32| measured(&disc(6, |t| [22.0 + 2.0 * t, 32.0], change));
    let all = |t: usize, _: u32, _: u32, _: usize, value: f32| if t.is_multiple_of(2) { value } else { value + 8.0 };
    let half = |t: usize, x: u32, _: u32, _: usize, value: f32| {
        if t.is_multiple_of(2) || x > 31 { value } else { value + 8.0 }
    };
    // Red up and green down: the brightness stays.
    let tint = |t: usize, _: u32, _: u32, channel: usize, value: f32| {
        if t.is_multiple_of(2) { value } else { value + [10.0, -5.09, 0.0][channel] }
    };
    let levels = |found: &Measures| [Measure::BrightnessFlicker, Measure::ColourFlicker].map(|m| value(found, m));

    let [bright, colour] = levels(&still(all));
    assert!((bright - 8.0).abs() < 0.3 && colour < 0.2, "{bright} {colour}");
    let [bright, colour] = levels(&still(half));
    assert!((bright - 4.0).abs() < 0.5 && colour < 0.2, "{bright} {colour}");
    let [bright, colour] = levels(&still(tint));
    // Cb = −0.564 · 0 and Cr = 0.713 · 10.
    assert!(bright < 0.3 && (colour - 7.13).abs() < 0.4, "{bright} {colour}");
    assert!(value(&still(all), Measure::Motion) < 0.02 && value(&still(half), Measure::Motion) < 0.05);

    let (calm, flickering) = (moves(none), moves(all));
    assert!(levels(&flickering)[0] > 7.0 && levels(&calm)[0] < 0.8);
    let ratio = value(&flickering, Measure::Motion) / value(&calm, Measure::Motion);
    assert!((0.8..1.25).contains(&ratio), "{ratio}");
}

#[test]
fn a_drifting_clip_loses_the_reference() {
    // Becomes another picture, without motion.
    let other = |t: usize, x: u32, y: u32, _: usize, value: f32| {
        let share = t as f32 / 7.0;
        (1.0 - share) * value + share * super::super::testing::texture(90.0 - y as f32, 3.0 * x as f32)
    };
    let mut found = measured(&disc(8, |_| [30.0, 32.0], other));
    let of = |measure| found.frames[1..].iter().map(|values| values[&measure]).collect::<Vec<f64>>();
    for measure in [Measure::Psnr, Measure::Ssim] {
        assert!(of(measure).windows(2).all(|pair| pair[1] < pair[0]), "{measure:?}: {:?}", of(measure));
    }
    assert!(of(Measure::Ssim)[6] < 0.4, "{:?}", of(Measure::Ssim));

    // Embeddings that turn away, by 10 degrees per frame.
    let turned = |t: usize| vec![(10.0 * t as f32).to_radians().cos(), (10.0 * t as f32).to_radians().sin()];
    let embeddings: Vec<Vec<f32>> = (0..8).map(turned).collect();
    found.add_identity(&embeddings, &embeddings[..1]);
    assert_eq!(found.frames[0].get(&Measure::Identity), None, "the first frame is the reference");
    assert!((found.frames[7][&Measure::Identity] - 70f64.to_radians().cos()).abs() < 1e-6);
    let expected = (1..8).map(|t| (10.0 * f64::from(t)).to_radians().cos()).sum::<f64>() / 7.0;
    assert!((value(&found, Measure::Identity) - expected).abs() < 1e-6);
}

#[test]
fn a_clip_is_compared_frame_by_frame() {
    let clip = moving();
    let mut same = measure(&clip, Reference::Clip(&clip.frames)).unwrap();
    assert_eq!(value(&same, Measure::Psnr), super::super::EQUAL_PSNR);
    let embeddings: Vec<Vec<f32>> = (0..8).map(|t| vec![t as f32, 1.0]).collect();
    same.add_identity(&embeddings, &embeddings);
    assert!((value(&same, Measure::Identity) - 1.0).abs() < 1e-12);
    let shifted: Vec<Vec<u8>> = clip.frames.iter().skip(1).chain(clip.frames.last()).cloned().collect();
    assert!(value(&measure(&clip, Reference::Clip(&shifted)).unwrap(), Measure::Psnr) < 40.0);
}

#[test]
fn what_does_not_fit_is_refused() {
    let clip = moving();
    let told = |clip: &Clip, reference| measure(clip, reference).unwrap_err().to_string();
    assert!(told(&clip, Reference::Clip(&clip.frames[..5])).contains("5 frames, the clip 8"));
    assert!(told(&clip, Reference::Picture(&[0; 12])).contains("12 samples, a frame of the clip 12288"));
    let empty = Clip { frames: Vec::new(), ..clip.clone() };
    assert!(told(&empty, Reference::FirstFrame).contains("no frames"));
    // One frame is a clip, too: nothing moves in it.
    let one = Clip { frames: clip.frames[..1].to_vec(), ..clip.clone() };
    assert!(measured(&one).mean.is_empty());
    let two = measured(&Clip { frames: clip.frames[..2].to_vec(), ..clip });
    assert!(two.mean.contains_key(&Measure::Motion) && !two.mean.contains_key(&Measure::Smoothness));
}

/// The smallest and a wide frame: every blur and window is larger than it.
#[test]
fn tiny_frames_are_measured() {
    for (width, height) in [(8, 8), (1, 1), (16, 2), (300, 4)] {
        let frame = |t: u32| (0..width * height * 3).map(|at| (at * 37 + t * 11) as u8).collect();
        let clip = Clip { width, height, fps: 8.0, frames: (0..3).map(frame).collect() };
        let found = measured(&clip);
        assert!(found.mean.values().all(|value| value.is_finite()), "{width}x{height}: {:?}", found.mean);
    }
}
