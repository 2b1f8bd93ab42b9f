//! Every dispatch as a line of comma-separated values (RFC 4180).

use super::{record::Profile, times::range, tree};
use crate::lab::Limit;

/// The columns; times in seconds, rates per second; empty where there is no time.
const HEAD: &str = "phase,index,label,block,layers,kernel,variant,numbers,shape,piece,pieces,median_s,min_s,max_s,flop,bytes,flop_per_s,\
                    bytes_per_s,share_of_roof,limit";

/// The table of a profile.
pub fn csv(profile: &Profile) -> String {
    let mut text = format!("{HEAD}\n");
    let ceilings = &profile.ceilings;
    for phase in &profile.phases {
        for (i, d) in phase.dispatches.iter().enumerate() {
            let seconds = d.seconds();
            let [least, most] = match range(&d.times.iter().flatten().copied().collect::<Vec<_>>()) {
                Some([least, most]) => [least.to_string(), most.to_string()],
                None => [String::new(), String::new()],
            };
            let told = |value: Option<f64>| value.map_or(String::new(), |v| v.to_string());
            let numbers: Vec<String> = d.numbers.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let fields = [
                phase.kind.name().to_owned(),
                i.to_string(),
                d.label.clone(),
                tree::block(&d.label).to_owned(),
                tree::kind(&d.label).to_owned(),
                d.kernel.clone(),
                d.variant.clone(),
                numbers.join(" "),
                d.shape.to_string(),
                d.piece[0].to_string(),
                d.piece[1].to_string(),
                told(seconds),
                least,
                most,
                d.cost.flops.to_string(),
                d.cost.bytes.to_string(),
                told(seconds.map(|s| d.cost.flops / s)),
                told(seconds.map(|s| d.cost.bytes / s)),
                told(seconds.and_then(|s| ceilings.share(d.cost, s))),
                match ceilings.limit(d.cost) {
                    Limit::Arithmetic => "arithmetic".to_owned(),
                    Limit::Memory => "memory".to_owned(),
                },
            ];
            text += &fields.map(|field| quoted(&field)).join(",");
            text.push('\n');
        }
    }
    text
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::profile::sample::profile;

    #[test]
    fn a_line_has_as_many_fields_as_the_head() {
        let mut profile = profile(1.0);
        profile.phases[0].dispatches[1].times = vec![None; 6];
        let text = csv(&profile);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0].split(',').count(), 20);
        let first = "denoising step,0,down_blocks.0.resnets.0.conv1,down_blocks.0,resnets,conv2d,portable,THREADS=64,\"{\"\"rows\"\":3}\",0,1,";
        assert!(lines[1].starts_with(first), "{}", lines[1]);
        assert!(lines[2].contains(",0,1,,,,0,50,,,,memory"), "{}", lines[2]);
    }
}
