//! The settings of a sweep: every combination of the values of its options.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::axes::{Axis, Choice};

/// A combination of values, one of each option.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The values of the options that vary, in the order of the grid's axes.
    pub choices: Vec<Choice>,
    /// All fields that it sets.
    pub fields: Map<String, Value>,
    /// It in words: `eta 0.3, cfg-scale 9`.
    pub label: String,
}

/// All settings.
pub struct Grid {
    /// The options with more than one value.
    pub axes: Vec<Axis>,
    /// Their combinations; the last option changes fastest. The first one is what the others are compared with.
    pub settings: Vec<Setting>,
    /// Combinations that would be the same as an earlier one.
    pub same: usize,
}

/// What means nothing without anchors.
const ANCHORING: [&str; 4] = ["anchor_strength", "anchor_mode", "anchor_until", "anchor_noise"];

impl Grid {
    /// How many combinations there would be, without making them.
    pub fn size(given: &[Axis]) -> u128 {
        given.iter().map(|axis| axis.choices.len() as u128).fold(1, u128::saturating_mul)
    }

    /// All combinations of what was given.
    pub fn new(given: Vec<Axis>) -> Self {
        let (varied, fixed): (Vec<Axis>, Vec<Axis>) = given.into_iter().partition(|axis| axis.choices.len() > 1);
        let fixed: Vec<Choice> = fixed.into_iter().flat_map(|axis| axis.choices).collect();
        let mut combinations: Vec<Vec<Choice>> = vec![Vec::new()];
        for axis in &varied {
            let longer = combinations.iter().flat_map(|shorter| {
                axis.choices.iter().map(|choice| [shorter.as_slice(), std::slice::from_ref(choice)].concat())
            });
            combinations = longer.collect();
        }
        let all = combinations.len();
        let mut settings: BTreeMap<String, usize> = BTreeMap::new();
        let mut kept: Vec<Setting> = Vec::new();
        for choices in combinations {
            let fields = choices.iter().chain(&fixed).flat_map(|choice| choice.fields.clone());
            let fields: Map<String, Value> = fields.map(|(name, value)| (name.to_owned(), value)).collect();
            let words = varied.iter().zip(&choices).map(|(axis, choice)| format!("{} {}", axis.name, choice.label));
            let label = words.collect::<Vec<_>>().join(", ");
            if settings.insert(Value::Object(effective(fields.clone())).to_string(), kept.len()).is_none() {
                kept.push(Setting { choices, fields, label });
            }
        }
        Self { same: all - kept.len(), axes: varied, settings: kept }
    }
}

/// Fields without those that have no effect.
fn effective(mut fields: Map<String, Value>) -> Map<String, Value> {
    if fields.get("anchor_interval").and_then(Value::as_u64) == Some(0) {
        ANCHORING.iter().for_each(|name| drop(fields.remove(*name)));
    }
    fields
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn axis(name: &'static str, field: &'static str, values: &[Value]) -> Axis {
        let choice = |value: &Value| Choice {
            label: value.to_string(),
            number: value.as_f64(),
            fields: vec![(field, value.clone())],
        };
        Axis { name, choices: values.iter().map(choice).collect() }
    }

    #[test]
    fn every_combination_once() {
        let eta = axis("eta", "eta", &[json!(0), json!(0.3)]);
        let interval = axis("anchor-interval", "anchor_interval", &[json!(0), json!(4)]);
        let strength = axis("anchor-strength", "anchor_strength", &[json!(0.1), json!(0.5)]);
        let steps = axis("steps", "steps", &[json!(9)]);
        let given = vec![steps, eta, interval, strength];
        assert_eq!(Grid::size(&given), 8);
        let grid = Grid::new(given);
        // Without anchors their strength makes no difference.
        assert_eq!((grid.settings.len(), grid.same, grid.axes.len()), (6, 2, 3));
        assert_eq!(grid.settings[0].label, "eta 0, anchor-interval 0, anchor-strength 0.1");
        assert_eq!(grid.settings[5].label, "eta 0.3, anchor-interval 4, anchor-strength 0.5");
        assert!(grid.settings.iter().all(|setting| setting.fields["steps"] == 9));
        let nothing = Grid::new(Vec::new());
        assert_eq!((nothing.settings.len(), nothing.settings[0].label.as_str()), (1, ""));
        let huge = axis("eta", "eta", &vec![json!(0); 1000]);
        assert_eq!(Grid::size(&vec![huge; 50]), u128::MAX);
    }
}
