//! `muster-edge`: see [`edge_agent::command`].

fn main() -> std::process::ExitCode {
    edge_agent::command::main()
}
