//! The clients against moto and against servers that follow the vendors' wire formats strictly.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod aws;
mod azure;
mod gcp;
mod vault;

use std::collections::BTreeMap;
use std::time::Duration;

use kluctl_cloud::{CloudError, Environment, Patience, Secret, Web};

/// Asks again at once.
fn web() -> Web {
    Web::new(Patience {
        tries: 3,
        first: Duration::ZERO,
        longest: Duration::ZERO,
    })
    .unwrap()
}

/// An environment with these variables, in an empty home, on a machine without a metadata server.
fn environment(variables: &[(&str, &str)]) -> Environment {
    let mut all: BTreeMap<String, String> = [
        ("HOME", "/nonexistent"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("GCE_METADATA_HOST", "127.0.0.1:9"),
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    for (name, value) in variables {
        all.insert((*name).to_owned(), (*value).to_owned());
    }
    Environment::new(all)
}

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

#[track_caller]
fn text(result: Result<Secret, CloudError>) -> String {
    let secret = result.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(format!("{secret:?}"), "*****");
    String::from_utf8(secret.into_bytes()).unwrap()
}

#[track_caller]
fn error(result: Result<Secret, CloudError>) -> CloudError {
    match result {
        Ok(_) => panic!("it worked"),
        Err(error) => error,
    }
}
