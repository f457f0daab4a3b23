//! What tests need around the code: servers on loopback, a hermetic environment, the shared corpus.
//!
//! A development dependency only. It uses nothing of ours, so that no crate is compiled twice. Everything panics with
//! a clear text where something is wrong: a test that cannot be set up has failed.

mod apiserver;
mod backend;
mod charts;
mod clouds;
mod environment;
mod faults;
mod git;
mod http;
mod ntlm;
mod registry;
mod shared;
mod ssh;
mod status;
mod tls;
mod token_registry;

pub use apiserver::{ApiServer, kubectl};
pub use backend::Backend;
pub use charts::{ChartRepository, pack_chart};
pub use clouds::{AzureServer, GcpServer, MotoServer, VaultServer};
pub use environment::{Environment, Output};
pub use faults::{Fault, FaultProxy, Faults};
pub use git::{git, git_backend, serve_git};
pub use http::{Reply, Request, Server, call};
pub use ntlm::NtlmServer;
pub use registry::{DockerRegistry, OciRegistry, push_chart};
pub use shared::shared;
pub use ssh::{SshAgent, Sshd, hash_known_hosts, ssh_keygen, user};
pub use status::StatusController;
pub use tls::TestAuthority;
pub use token_registry::{IDENTITY_TOKEN, TokenRegistry};
