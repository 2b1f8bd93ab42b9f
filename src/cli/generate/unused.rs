//! Options that somebody gave and that do nothing beside the others.

use i2vgen::pipeline::{Advice, Topic};

use super::{Recipe, Settings};

/// One line for each group of options in `said` that the recipe, which came of them, does not use.
pub fn unused(said: &Settings, recipe: &Recipe) -> Vec<Advice> {
    let request = &recipe.request;
    let mut lines = said.preparation.unused(recipe.preparation.prepare.unwrap_or_default());
    let anchoring = [
        ("--anchor-strength", said.anchor_strength.is_some()),
        ("--anchor-mode", said.anchor_mode.is_some()),
        ("--anchor-until", said.anchor_until.is_some()),
        ("--anchor-noise", said.anchor_noise.is_some()),
    ];
    let flags: Vec<&str> = anchoring.iter().filter(|(_, said)| *said).map(|(flag, _)| *flag).collect();
    if !flags.is_empty() && request.anchoring.is_none_or(|anchoring| anchoring.interval == 0) {
        let finding = format!("nothing is anchored, so {} has no effect", flags.join(", "));
        lines.push(Advice::new(Topic::Anchoring, finding, "leave it out, or take --anchor-interval 4"));
    }
    if said.negative_prompt.as_ref().is_some_and(|text| !text.is_empty()) && !request.guided() {
        let finding = "nothing is guided, so the negative prompt has no effect";
        lines.push(Advice::new(Topic::Guidance, finding, "leave it out (-n), or take a --cfg-scale above 1"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use i2vgen::{pipeline::Request, prepare::Mode};

    use super::*;
    use crate::cli::prepare::PrepareOptions;

    fn told(said: Settings) -> Vec<String> {
        let settings = Settings { prompt: Some("a cat is purring".into()), ..said.clone() };
        let recipe = Recipe::new(settings, Request::plain().picture, 1).unwrap();
        unused(&said, &recipe).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_has_no_effect_is_told() {
        let off = Settings { anchor_interval: Some(0), anchor_strength: Some(0.3), ..Settings::default() };
        assert!(told(off)[0].starts_with("anchoring: nothing is anchored, so --anchor-strength has no effect; "));
        let negative = Settings { negative_prompt: Some("blurry".into()), cfg_scale: Some(1.0), ..Settings::default() };
        assert!(told(negative)[0].contains("the negative prompt has no effect"));
        let preparation =
            PrepareOptions { prepare: Some(Mode::Off), subject_fill: Some(0.5), ..PrepareOptions::default() };
        let fill = Settings { preparation, ..Settings::default() };
        assert!(told(fill)[0].starts_with("picture: --subject-fill has no effect"));
    }

    #[test]
    fn what_has_an_effect_is_not() {
        let said = Settings {
            anchor_interval: Some(4),
            anchor_strength: Some(0.3),
            negative_prompt: Some("blurry".into()),
            cfg_scale: Some(9.0),
            ..Settings::default()
        };
        assert_eq!(told(said), Vec::<String>::new());
        let none = Settings { anchor_interval: Some(0), negative_prompt: Some(String::new()), ..Settings::default() };
        assert_eq!(told(Settings { cfg_scale: Some(1.0), ..none }), Vec::<String>::new());
    }
}
