//! The program: parse, call the library, print.

mod cli;

fn main() -> std::process::ExitCode {
    keep_drivers_quiet();
    cli::run()
}

/// Without this variable, which is unset on servers, Mesa's Vulkan drivers print an error when they look for a display.
fn keep_drivers_quiet() {
    const VARIABLE: &str = "XDG_RUNTIME_DIR";
    if cfg!(target_os = "linux") && std::env::var_os(VARIABLE).is_none() {
        // SAFETY: nothing else runs yet.
        unsafe { std::env::set_var(VARIABLE, std::env::temp_dir()) };
    }
}
