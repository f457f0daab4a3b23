//! Credentials for git, Helm repositories and registries. None of these flags has a `KLUCTL_*` variable of its own; their
//! variables (`KLUCTL_GIT_0_HOST` and the like) belong to the sources.

use clap::Args;

/// Heading of the git flags.
pub(crate) const GIT: &str = "Git arguments";
/// Heading of the Helm flags.
pub(crate) const HELM: &str = "Helm arguments";
/// Heading of the registry flags.
pub(crate) const REGISTRY: &str = "Registry arguments";

/// Heading of the mirror flag.
pub(crate) const MIRROR: &str = "Mirror arguments";

/// Git credentials, each by host and path.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = GIT)]
pub(crate) struct GitCredentials {
    /// Specify username to use for Git basic authentication. Must be in the form --git-username=<host>/<path>=<username>.
    #[arg(long, value_name = "stringArray")]
    pub(crate) git_username: Vec<String>,

    /// Specify password to use for Git basic authentication. Must be in the form --git-password=<host>/<path>=<password>.
    #[arg(long, value_name = "stringArray")]
    pub(crate) git_password: Vec<String>,

    /// Specify SSH key to use for Git authentication. Must be in the form --git-ssh-key-file=<host>/<path>=<filePath>.
    #[arg(long, value_name = "stringArray")]
    pub(crate) git_ssh_key_file: Vec<String>,

    /// Specify known_hosts file to use for Git authentication. Must be in the form --git-ssh-known-hosts-file=<host>/<path>=<filePath>.
    #[arg(long, value_name = "stringArray")]
    pub(crate) git_ssh_known_hosts_file: Vec<String>,

    /// Specify CA bundle to use for https verification. Must be in the form --git-ca-file=<registry>/<repo>=<filePath>.
    #[arg(long, value_name = "stringArray")]
    pub(crate) git_ca_file: Vec<String>,
}

/// Credentials of Helm repositories, each by host and path.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = HELM)]
pub(crate) struct HelmCredentials {
    /// Specify username to use for Helm Repository authentication. Must be in the form --helm-username=<host>/<path>=<username>
    #[arg(long, value_name = "stringArray")]
    pub(crate) helm_username: Vec<String>,

    /// Specify password to use for Helm Repository authentication. Must be in the form --helm-password=<host>/<path>=<password>
    #[arg(long, value_name = "stringArray")]
    pub(crate) helm_password: Vec<String>,

    /// Specify key to use for Helm Repository authentication. Must be in the form --helm-key-file=<host>/<path>=<filePath>
    #[arg(long, value_name = "stringArray")]
    pub(crate) helm_key_file: Vec<String>,

    /// Specify client certificate to use for Helm Repository authentication. Must be in the form --helm-cert-file=<host>/<path>=<filePath>
    #[arg(long, value_name = "stringArray")]
    pub(crate) helm_cert_file: Vec<String>,

    /// Specify ca bundle certificate to use for Helm Repository authentication. Must be in the form --helm-ca-file=<host>/<path>=<filePath>
    #[arg(long, value_name = "stringArray")]
    pub(crate) helm_ca_file: Vec<String>,

    /// Controls skipping of TLS verification. Must be in the form --helm-insecure-skip-tls-verify=<host>/<path>
    #[arg(long, value_name = "stringArray")]
    pub(crate) helm_insecure_skip_tls_verify: Vec<String>,

    /// Shortcut to --helm-username and --helm-password. Must be in the form --helm-creds=<host>/<path>=<username>:<password>
    #[arg(long, value_name = "stringArray")]
    pub(crate) helm_creds: Vec<String>,
}

/// Credentials of OCI registries, each by registry and repository.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = REGISTRY)]
pub(crate) struct RegistryCredentials {
    /// Specify username to use for OCI authentication. Must be in the form --registry-username=<registry>/<repo>=<username>.
    #[arg(long, value_name = "stringArray")]
    pub(crate) registry_username: Vec<String>,

    /// Specify password to use for OCI authentication. Must be in the form --registry-password=<registry>/<repo>=<password>.
    #[arg(long, value_name = "stringArray")]
    pub(crate) registry_password: Vec<String>,

    /// Specify identity token to use for OCI authentication. Must be in the form --registry-identity-token=<registry>/<repo>=<identity-token>.
    #[arg(long, value_name = "stringArray")]
    pub(crate) registry_identity_token: Vec<String>,

    /// Specify registry token to use for OCI authentication. Must be in the form --registry-token=<registry>/<repo>=<token>.
    #[arg(long, value_name = "stringArray")]
    pub(crate) registry_token: Vec<String>,

    /// Shortcut to --registry-username, --registry-password and --registry-token, in the form <registry>/<repo>=<username>:<password> or <registry>/<repo>=<token>
    #[arg(long, value_name = "stringArray")]
    pub(crate) registry_creds: Vec<String>,

    /// Specify key to use for OCI authentication. Must be in the form --registry-key-file=<registry>/<repo>=<filePath>.
    #[arg(long, value_name = "stringArray")]
    pub(crate) registry_key_file: Vec<String>,

    /// Specify certificate to use for OCI authentication. Must be in the form --registry-cert-file=<registry>/<repo>=<filePath>.
    #[arg(long, value_name = "stringArray")]
    pub(crate) registry_cert_file: Vec<String>,

    /// Specify CA bundle to use for https verification. Must be in the form --registry-ca-file=<registry>/<repo>=<filePath>.
    #[arg(long, value_name = "stringArray")]
    pub(crate) registry_ca_file: Vec<String>,

    /// Forces the use of http (no TLS). Must be in the form --registry-plain-http=<registry>/<repo>.
    #[arg(long, value_name = "stringArray")]
    pub(crate) registry_plain_http: Vec<String>,

    /// Controls skipping of TLS verification. Must be in the form --registry-insecure-skip-tls-verify=<registry>/<repo>.
    #[arg(long, value_name = "stringArray")]
    pub(crate) registry_insecure_skip_tls_verify: Vec<String>,
}
