//! Overridden settings against diffusers' schedules, and what is told about them.

use super::*;
use crate::{checkpoint::Configs, sampler::Schedule};

/// The published checkpoint's settings.
fn published() -> SchedulerConfig {
    Configs::published().scheduler.try_into().unwrap()
}

/// The settings of the practitioners' tip.
fn tip() -> SchedulerOverrides {
    SchedulerOverrides {
        prediction_type: Some(PredictionType::Epsilon),
        beta_schedule: Some(BetaSchedule::ScaledLinear),
        beta_start: Some(0.00085),
        beta_end: Some(0.012),
        rescale_betas_zero_snr: Some(false),
        set_alpha_to_one: Some(false),
        clip_sample: Some(false),
        steps_offset: Some(1),
        timestep_spacing: None,
    }
}

#[test]
fn the_checkpoints_own_values_change_nothing_and_warn_nothing() {
    let own = published();
    let same = SchedulerOverrides {
        prediction_type: Some(own.prediction_type),
        beta_schedule: Some(own.beta_schedule),
        beta_start: Some(own.beta_start),
        beta_end: Some(own.beta_end),
        timestep_spacing: Some(own.timestep_spacing),
        rescale_betas_zero_snr: Some(own.rescale_betas_zero_snr),
        set_alpha_to_one: Some(own.set_alpha_to_one),
        clip_sample: Some(own.clip_sample),
        steps_offset: Some(own.steps_offset),
    };
    assert_eq!(same.apply(&own).unwrap(), own);
    assert_eq!(same.overridden(&own, FinalAlpha::FromConfig), []);
    assert!(SchedulerOverrides::default().is_empty() && !same.is_empty());
}

/// The published checkpoint's settings overridden give the schedule of diffusers' `DDIMScheduler` (0.35.2) that was made with the result:
/// timesteps, and steps with x = -1.25, m = 0.75, z = 0.5, eta = 0.3.
#[test]
fn overridden_schedules_equal_the_reference() {
    let other = SchedulerOverrides {
        prediction_type: Some(PredictionType::Sample),
        rescale_betas_zero_snr: Some(true),
        timestep_spacing: Some(TimestepSpacing::Trailing),
        ..tip()
    };
    let third = SchedulerOverrides {
        beta_schedule: Some(BetaSchedule::Linear),
        timestep_spacing: Some(TimestepSpacing::Linspace),
        clip_sample: Some(true),
        set_alpha_to_one: Some(true),
        ..tip()
    };
    let own = Schedule::new(&published()).unwrap();
    type Row = (u32, f32, f32);
    let cases: [(SchedulerOverrides, usize, &[Row]); 3] = [
        (
            tip(),
            50,
            &[
                (981, -26.2884, -1.434863),
                (501, -3.601431, -1.312955),
                (21, -1.368543, -1.331797),
                (1, -1.282052, -1.257043),
            ],
        ),
        (other, 7, &[(999, 0.75, -0.9747902), (856, 0.75, -0.9370415)]),
        (third, 7, &[(333, -1.0, -0.3592993), (166, -1.0, -0.8532928)]),
    ];
    for (said, n, rows) in cases {
        let schedule = own.with(&said).unwrap();
        let steps = schedule.ddim_steps(n, 0.3, FinalAlpha::FromConfig).unwrap();
        for &(timestep, x0, next) in rows {
            let step = steps.iter().find(|step| step.timestep == timestep).unwrap();
            let (x, m, z) = (-1.25, 0.75, 0.5);
            let clean = step.x0_from_sample * x + step.x0_from_model * m;
            let clean = step.clip.map_or(clean, |limit| clean.clamp(-limit, limit));
            let eps = step.eps_from_sample * x + step.eps_from_model * m;
            let sample = step.next_from_x0 * clean + step.next_from_eps * eps + step.next_from_noise * z;
            // Seven digits are recorded.
            let near = |a: f32, b: f32| (a - b).abs() < 2e-6 * b.abs().max(1.0);
            assert!(near(clean, x0) && near(sample, next), "{said:?} {timestep}: {clean} {sample}");
        }
    }
    let alphas = own.with(&tip()).unwrap().alphas_cumprod;
    let expected = [(0, 0.999149978), (501, 0.274998844), (981, 0.0057754959), (999, 0.00466009509)];
    assert!(expected.iter().all(|&(i, alpha): &(usize, f64)| (f64::from(alphas[i]) / alpha - 1.0).abs() < 1e-6));
}

#[test]
fn every_contradiction_is_one_line() {
    let lines = |said: &SchedulerOverrides, own: &SchedulerConfig, end| -> Vec<String> {
        said.overridden(own, end).iter().map(ToString::to_string).collect()
    };
    let of_tip = lines(&tip(), &published(), FinalAlpha::FromConfig);
    let flags = [
        "--prediction-type epsilon: the checkpoint says v_prediction, and was trained so",
        "--beta-schedule scaled_linear: the checkpoint says squaredcos_cap_v2, and was trained so",
        "--zero-snr false: the checkpoint says true, and was trained so",
        "--set-alpha-to-one false: the checkpoint says true; ",
    ];
    assert_eq!(of_tip.len(), flags.len(), "{of_tip:?}");
    assert!(of_tip.iter().zip(flags).all(|(line, flag)| line.starts_with(flag) && !line.contains('\n')), "{of_tip:?}");

    // A checkpoint that was trained with betas of its own, or with none that are named.
    let linear = SchedulerConfig { beta_schedule: BetaSchedule::Linear, ..published() };
    let start = SchedulerOverrides { beta_start: Some(0.001), ..SchedulerOverrides::default() };
    let end = FinalAlpha::FromConfig;
    assert!(lines(&start, &linear, end)[0].starts_with("--beta-start 0.001: the checkpoint says 0.0001, and was"));
    assert!(lines(&start, &published(), end)[0].ends_with("no effect: squaredcos_cap_v2 does not use it"));
    let listed = SchedulerConfig { trained_betas: Some(vec![0.5; 1000]), ..linear };
    assert!(lines(&start, &listed, end)[0].contains("the checkpoint says a list of 1000 betas"));
    assert_eq!(start.apply(&listed).unwrap().trained_betas, None);

    let offset = SchedulerOverrides {
        steps_offset: Some(3),
        timestep_spacing: Some(TimestepSpacing::Trailing),
        set_alpha_to_one: Some(false),
        ..SchedulerOverrides::default()
    };
    let [spacing, last, offset] = &lines(&offset, &published(), FinalAlpha::First)[..] else { panic!() };
    assert!(spacing.contains("trailing: the checkpoint says leading; "), "{spacing}");
    assert!(last.contains("no effect: --compat vgen") && offset.contains("no effect: only the leading"));
}

#[test]
fn values_out_of_range_are_named() {
    let apply = |said: SchedulerOverrides| said.apply(&published()).unwrap_err().to_string();
    let none = SchedulerOverrides::default;
    for (said, word) in [
        (SchedulerOverrides { beta_start: Some(2.0), ..none() }, "`beta_start` is 2, expected a number from 0 to 1"),
        (SchedulerOverrides { beta_end: Some(f64::NAN), ..none() }, "`beta_end` is NaN"),
        (SchedulerOverrides { steps_offset: Some(9_999_999), ..none() }, "`steps_offset` is 9999999"),
    ] {
        let message = apply(said);
        assert!(message.contains(word), "{message}");
    }
    let flat =
        SchedulerOverrides { beta_schedule: tip().beta_schedule, beta_start: Some(0.0), beta_end: Some(0.0), ..none() };
    let schedule = Schedule::new(&published()).unwrap();
    assert!(schedule.with(&flat).unwrap_err().to_string().contains("correct the betas"));
}

/// In JSON the enums have the names that the configuration file has.
#[test]
fn they_survive_json() {
    let json = serde_json::to_value(tip()).unwrap();
    assert_eq!((&json["prediction_type"], &json["beta_schedule"]), (&"epsilon".into(), &"scaled_linear".into()));
    assert_eq!(serde_json::from_value::<SchedulerOverrides>(json).unwrap(), tip());
    assert_eq!(serde_json::to_string(&SchedulerOverrides::default()).unwrap(), "{}");
    let names = [
        (serde_json::to_value(BetaSchedule::SquaredcosCapV2), BetaSchedule::SquaredcosCapV2.name()),
        (serde_json::to_value(BetaSchedule::Linear), BetaSchedule::Linear.name()),
        (serde_json::to_value(PredictionType::Sample), PredictionType::Sample.name()),
        (serde_json::to_value(PredictionType::VPrediction), PredictionType::VPrediction.name()),
        (serde_json::to_value(TimestepSpacing::Leading), TimestepSpacing::Leading.name()),
        (serde_json::to_value(TimestepSpacing::Trailing), TimestepSpacing::Trailing.name()),
        (serde_json::to_value(TimestepSpacing::Linspace), TimestepSpacing::Linspace.name()),
    ];
    assert!(names.into_iter().all(|(json, name)| json.unwrap() == name));
}
