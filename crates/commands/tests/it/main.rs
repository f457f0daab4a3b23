//! Commands against servers: the same story on the sandbox and, where it is there, on a real kube-apiserver.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod history;
mod server;
mod story;

#[test]
fn the_story_on_the_sandbox() {
    let server = server::sandbox();
    story::tell(&server);
    history::tell(&server);
}

#[test]
fn the_story_on_a_real_server() {
    if let Some(server) = server::real() {
        story::tell(&server);
        history::tell(&server);
    }
}
