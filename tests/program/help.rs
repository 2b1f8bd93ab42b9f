//! `--help` names every command and option.

use crate::room::Room;

#[test]
fn help_names_every_command_and_option() {
    let room = Room::new();
    let help = room.run(&["--help"]).ok().stdout;
    for command in [
        "generate",
        "batch",
        "sweep",
        "metrics",
        "advise",
        "inspect",
        "devices",
        "plan",
        "profile",
        "roofline",
        "verify",
        "trace-tensors",
        "kernels",
        "random-checkpoint",
    ] {
        assert!(help.contains(command), "{command}");
        room.run(&[command, "--help"]).ok();
    }
    let help = room.run(&["generate", "--help"]).ok().stdout;
    for option in
        ["--prompt", "--negative-prompt", "--image", "--target-fps", "--cfg-scale", "--seed", "--compat", "--from"]
    {
        assert!(help.contains(option), "{option}");
    }
}
