//! What preparing does to a picture: the crop, the order of hints, what is left alone, what is refused.

use i2vgen::picture::Picture;
use i2vgen::prepare::{
    Action, Error, Finding, Hints, Mask, Mode, Origin, Rect, Settings, StageName, Stages, Subject, Why, contact_sheet,
    prepare,
};

use crate::made::named;

fn auto() -> Settings {
    Settings { mode: Mode::Auto, ..Settings::default() }
}

fn all() -> Settings {
    Settings { mode: Mode::Only(Stages { crop: true, edges: true, background: true }), ..Settings::default() }
}

fn says(findings: &[Finding], words: &str) -> bool {
    findings.iter().any(|finding| finding.to_string().contains(words))
}

#[test]
fn the_subject_fills_the_frame_after_the_crop() {
    for name in ["Triangle on Plain", "Person on Horizon", "Cat on Bricks", "Car on Gradient", "Flower on Gradient"] {
        let case = named(name);
        for (width, height) in [(64, 64), (112, 64), (64, 104)] {
            let done = prepare(&case.picture, width, height, &Hints::default(), &all()).unwrap();
            assert_eq!((done.picture.width(), done.picture.height()), (width, height));
            let (window, subject) = (done.window.unwrap(), done.subject.unwrap());
            let fill = f64::max(
                f64::from(subject.bounds.width) / f64::from(window.width),
                f64::from(subject.bounds.height) / f64::from(window.height),
            );
            assert!(fill >= 0.6, "{name} {width}x{height}: {fill}");
            assert!(
                window.right() <= u64::from(case.picture.width())
                    && window.bottom() <= u64::from(case.picture.height())
            );
            let names: Vec<StageName> = done.stages.iter().map(|stage| stage.name).collect();
            use StageName::{Background, Crop, EdgeMap, Edges};
            assert_eq!(names, [StageName::Subject, Crop, EdgeMap, Edges, Background]);
            let pictures: Vec<&Picture> = done.stages.iter().map(|stage| &stage.picture).collect();
            let sheet = contact_sheet(&pictures, 3, 100).unwrap();
            assert!((113..=3 * 112 + 12).contains(&sheet.width()) && sheet.height() <= 2 * 112 + 12);
        }
    }
}

#[test]
fn without_a_clear_subject_the_picture_is_left_alone() {
    let case = named("Plain 640x480 grain");
    let done = prepare(&case.picture, 64, 64, &Hints::default(), &auto()).unwrap();
    assert_eq!(done.picture, case.picture);
    assert_eq!(done.report.actions, [Action::LeftAlone { why: Why::NoSubject }]);
    assert!(says(&done.report.findings, "no subject"), "{:?}", done.report);
    let done = prepare(&case.picture, 64, 64, &Hints::default(), &all()).unwrap();
    let [Action::LeftOut { stages, .. }, Action::Resized { .. }, Action::EdgesStrengthened { .. }] =
        done.report.actions[..]
    else {
        panic!("{:?}", done.report);
    };
    assert_eq!(stages.to_string(), "crop,background");
    let off = prepare(&case.picture, 64, 64, &Hints::default(), &Settings::default()).unwrap();
    assert_eq!(off.picture, case.picture);
    assert_eq!(off.report.actions, [Action::LeftAlone { why: Why::Off }]);
}

/// A picture of 400 × 400 pixels with a bright block at `bounds`, on what `background` says.
fn block(bounds: Rect, background: impl Fn(u32, u32) -> u8) -> Picture {
    let points = (0..400_u32 * 400).map(|at| (at % 400, at / 400));
    let colour = |(x, y)| if bounds.contains(x, y) { [230, 200, 60] } else { [background(x, y); 3] };
    Picture::from_rgb8(400, 400, points.flat_map(colour).collect()).unwrap()
}

#[test]
fn auto_runs_the_stages_that_the_weaknesses_call_for() {
    let run = |picture: &Picture, bounds: Rect| {
        let hints = Hints { bounds: Some(bounds), ..Hints::default() };
        prepare(picture, 64, 64, &hints, &auto()).unwrap()
    };
    let chosen = |actions: &[Action]| {
        actions
            .iter()
            .find_map(|action| if let Action::Chosen { stages } = action { Some(stages.to_string()) } else { None })
    };
    let large = Rect { x: 72, y: 72, width: 256, height: 256 };
    let small = Rect { x: 30, y: 40, width: 70, height: 60 };

    let good = block(large, |_, _| 90);
    let done = run(&good, large);
    assert_eq!(done.report.findings, []);
    assert_eq!(done.report.actions.last(), Some(&Action::LeftAlone { why: Why::NothingToDo }));
    assert_eq!(done.picture, good);

    let done = run(&block(small, |_, _| 90), small);
    assert_eq!(chosen(&done.report.actions).as_deref(), Some("crop"), "{}", done.report);

    let done = run(&block(large, |x, y| 200 * ((x / 40 + y / 40) % 2) as u8), large);
    assert_eq!(chosen(&done.report.actions).as_deref(), Some("background"), "{}", done.report);

    let sharp = image::RgbImage::from_raw(400, 400, good.pixels().to_vec()).unwrap();
    let mut soft = image::imageops::blur(&sharp, 20.0);
    let picture = |image: &image::RgbImage| Picture::from_rgb8(400, 400, image.as_raw().clone()).unwrap();
    let done = run(&picture(&soft), large);
    assert_eq!(chosen(&done.report.actions).as_deref(), Some("edges"), "{}", done.report);

    // Blocks of 8x8 pixels, as a compression leaves them.
    for (x, y, pixel) in soft.enumerate_pixels_mut() {
        pixel.0 = pixel.0.map(|sample| sample.saturating_add(3 * ((x / 8 + y / 8) % 2) as u8));
    }
    let done = run(&picture(&soft), large);
    assert_eq!(chosen(&done.report.actions), None, "{}", done.report);
    let left_out = |action: &Action| matches!(action, Action::LeftOut { why: Why::Blocks, .. });
    assert!(done.report.actions.iter().any(left_out), "{}", done.report);
}

#[test]
fn mask_before_alpha_before_box_before_search() {
    let case = named("Disc on Plain");
    let (width, height) = (case.picture.width(), case.picture.height());
    let painted = |left: u32| {
        let values = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let values = values.map(|(x, y)| if x >= left && x < left + 50 && (20..90).contains(&y) { 200 } else { 50 });
        Mask::from_grey8(width, height, values.collect()).unwrap()
    };
    let (mask, alpha, bounds) = (painted(10), painted(100), Rect { x: 200, y: 30, width: 60, height: 80 });
    let mut hints = Hints { mask: Some(&mask), alpha: Some(&alpha), bounds: Some(bounds) };
    let find = |hints: &Hints| Subject::find(&case.picture, hints).unwrap().unwrap();
    let first = find(&hints);
    assert_eq!((first.origin, first.bounds), (Origin::Mask, Rect { x: 10, y: 20, width: 50, height: 70 }));
    assert_eq!((first.centre, first.confidence), ((35.0, 55.0), 1.0));
    hints.mask = None;
    assert_eq!((find(&hints).origin, find(&hints).bounds.x), (Origin::Alpha, 100));
    let opaque = Mask::from_grey8(width, height, vec![255; (width * height) as usize]).unwrap();
    hints.alpha = Some(&opaque);
    assert_eq!((find(&hints).origin, find(&hints).bounds), (Origin::Box, bounds));
    hints.bounds = None;
    assert_eq!(find(&hints).origin, Origin::Saliency);
}

#[test]
fn hints_that_do_not_fit_are_refused() {
    let case = named("Disc on Plain");
    let refusal = |mask: Option<&Mask>, bounds: Option<Rect>| {
        let error = prepare(&case.picture, 64, 64, &Hints { mask, alpha: None, bounds }, &auto()).unwrap_err();
        assert_eq!(error.to_string().lines().count(), 1);
        error
    };
    let small = Mask::from_grey8(32, 24, vec![255; 32 * 24]).unwrap();
    let empty = Mask::from_grey8(640, 480, vec![0; 640 * 480]).unwrap();
    assert!(refusal(Some(&small), None).to_string().contains("32x24"));
    assert!(matches!(refusal(Some(&empty), None), Error::EmptyMask));
    let outside = Rect { x: 600, y: 0, width: 41, height: 10 };
    assert!(refusal(None, Some(outside)).to_string().contains("41x10 at 600,0"));
    assert!(matches!(refusal(None, Some(Rect { x: 1, y: 1, width: 0, height: 5 })), Error::EmptyBox { .. }));
    for (width, height) in [(0, 64), (64, 0), (7, 7), (u32::MAX, u32::MAX)] {
        assert!(prepare(&case.picture, width, height, &Hints::default(), &auto()).is_err(), "{width}x{height}");
    }
}

#[test]
fn no_picture_is_too_odd() {
    let every = Settings { mode: Mode::Only(Stages { crop: true, edges: true, background: true }), ..auto() };
    for (width, height) in [(8, 8), (8, 900), (9000, 8), (8, 9), (13, 200), (100, 31)] {
        let noise = |at: u32| (at.wrapping_mul(2_654_435_761) >> 13) as u8;
        for fill in [|_| 0, |_| 255, |at| at as u8, noise] {
            let pixels = (0..width * height * 3).map(fill).collect();
            let picture = Picture::from_rgb8(width, height, pixels).unwrap();
            let whole = Rect { x: 0, y: 0, width, height };
            let dot = Rect { x: width - 1, y: height / 2, width: 1, height: 1 };
            for bounds in [None, Some(whole), Some(dot)] {
                for clip in [(64, 64), (112, 64), (8, 256), (512, 8)] {
                    for settings in [auto(), every] {
                        let hints = Hints { bounds, ..Hints::default() };
                        prepare(&picture, clip.0, clip.1, &hints, &settings).unwrap();
                    }
                }
            }
        }
    }
}

#[test]
fn weak_pictures_are_named() {
    let case = named("Cat on Bricks");
    let find = |picture: &Picture, clip: u32| {
        prepare(picture, clip, clip, &Hints::default(), &auto()).unwrap().report.findings
    };
    let good = find(&case.picture, 256);
    assert!(!says(&good, "blurred") && !says(&good, "compressed") && !says(&good, "too small"), "{good:?}");
    assert!(says(&good, "small subject") || says(&good, "cluttered"), "{good:?}");

    let (width, height) = (case.picture.width(), case.picture.height());
    let image = image::RgbImage::from_raw(width, height, case.picture.pixels().to_vec()).unwrap();
    let soft = image::imageops::blur(&image, 6.0);
    let soft = Picture::from_rgb8(width, height, soft.into_raw()).unwrap();
    assert!(says(&find(&soft, 256), "blurred"), "{:?}", find(&soft, 256));
    assert!(says(&find(&case.picture, 512), "too small"));

    let compressed = |quality: u8| {
        let mut file = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, quality);
        image.write_with_encoder(encoder).unwrap();
        let decoded = image::load_from_memory(&file).unwrap().into_rgb8();
        Picture::from_rgb8(width, height, decoded.into_raw()).unwrap()
    };
    assert!(says(&find(&compressed(10), 256), "over-compressed"));
    assert!(!says(&find(&compressed(90), 256), "over-compressed"));

    let rim = named("Disc on Clouds");
    assert!(says(&find(&rim.picture, 256), "right rim"), "{:?}", find(&rim.picture, 256));
}
