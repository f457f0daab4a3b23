//! Other people's repositories and artifacts through the binary: real git over HTTP and SSH, a real registry, proxies.

use std::path::Path;
use std::process::Stdio;

use expectrl::{Eof, Expect as _, Session};
use kluctl_testkit::{
    DockerRegistry, Environment, Reply, Server as Web, SshAgent, Sshd, git, git_backend, serve_git,
    ssh_keygen,
};

use crate::start::environment;

const RENDER: [&str; 3] = ["render", "--offline-kubernetes", "--print-all"];

/// Writes a project whose only object has a name.
fn project(folder: &Path, name: &str) {
    std::fs::create_dir_all(folder.join("app")).unwrap();
    std::fs::write(folder.join("deployment.yaml"), "deployments:\n- path: app\n").unwrap();
    let object = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: default}}\n");
    std::fs::write(folder.join("app/config.yaml"), object).unwrap();
}

/// A repository `team/project.git` with a tag `v1` and something newer on `main`.
fn repository(root: &Path) -> String {
    let folder = root.join("team/project.git");
    std::fs::create_dir_all(&folder).unwrap();
    git(&folder, &["init", "-q", "-b", "main"]);
    project(&folder, "old");
    git(&folder, &["add", "-A"]);
    git(&folder, &["commit", "-q", "-m", "one"]);
    git(&folder, &["tag", "v1"]);
    project(&folder, "new");
    git(&folder, &["commit", "-q", "-a", "-m", "two"]);
    git(&folder, &["rev-parse", "HEAD"])
}

/// An environment with a deployment of one item.
fn deployment(item: &str) -> Environment {
    let environment = environment();
    environment.write("deployment.yaml", &format!("deployments:\n- {item}\n"));
    environment
}

#[track_caller]
fn shows(environment: &Environment, more: &[&str], expected: &str) {
    let output = environment.run(RENDER.iter().chain(more)).expect(0);
    let name = format!("name: {expected}\n");
    assert!(output.stdout.contains(&name), "{}", output.stdout);
}

#[test]
fn git_over_http_with_credentials_from_everywhere() {
    let root = tempfile::tempdir().unwrap();
    repository(root.path());
    let server = serve_git(root.path().to_owned(), true);
    let (url, host) = (format!("{}/team/project.git", server.url()), server.address());
    let item = format!("git: {{url: '{url}', ref: {{tag: v1}}}}");
    let refused = deployment(&item).run(RENDER).expect(1);
    assert!(refused.stderr.contains("/team/project.git"), "{}", refused.stderr);
    let flags = [
        format!("--git-username={host}/team/*=user"),
        format!("--git-password={host}/team/*=secret"),
    ];
    shows(&deployment(&item), &[&flags[0], &flags[1]], "old");
    let mut by_variables = deployment(&item);
    by_variables.set("KLUCTL_GIT_0_HOST", host.clone());
    by_variables.set("KLUCTL_GIT_0_USERNAME", "user");
    by_variables.set("KLUCTL_GIT_0_PASSWORD", "secret");
    shows(&by_variables, &[], "old");
    let by_file = deployment(&format!("git: {url}"));
    let stored = format!("http://user:secret@{host}\n");
    std::fs::write(by_file.home().join(".git-credentials"), stored).unwrap();
    shows(&by_file, &[], "new");
    // Credentials of another path stay there.
    let elsewhere = [
        format!("--git-username={host}/other/*=user"),
        format!("--git-password={host}/other/*=secret"),
    ];
    let output = deployment(&item).run(RENDER.iter().copied().chain([&*elsewhere[0], &*elsewhere[1]]));
    let _ = output.expect(1);
}

#[test]
fn git_over_ssh_with_files_flags_the_agent_and_a_passphrase() {
    let root = tempfile::tempdir().unwrap();
    repository(root.path());
    let plain = root.path().join("plain");
    let locked = root.path().join("locked");
    ssh_keygen(&plain, "ed25519", "");
    ssh_keygen(&locked, "ed25519", "open sesame");
    let public = [plain.with_extension("pub"), locked.with_extension("pub")];
    let Some(sshd) = Sshd::start(&public, "GIT_PROTOCOL") else {
        return;
    };
    let item = format!("git: {}{}/team/project.git", sshd.url(), root.path().display());
    let prepared = |key: Option<&Path>, known: bool| {
        let environment = deployment(&item);
        let folder = environment.home().join(".ssh");
        std::fs::create_dir_all(&folder).unwrap();
        if let Some(key) = key {
            std::fs::copy(key, folder.join("id_ed25519")).unwrap();
        }
        if known {
            std::fs::write(folder.join("known_hosts"), sshd.known_host()).unwrap();
        }
        environment
    };
    shows(&prepared(Some(&plain), true), &[], "new");
    let mut with_agent = prepared(None, true);
    let agent = SshAgent::start(&plain);
    with_agent.set("SSH_AUTH_SOCK", agent.socket());
    shows(&with_agent, &[], "new");
    let known = root.path().join("known");
    std::fs::write(&known, sshd.known_host()).unwrap();
    let host = format!("127.0.0.1:{}", sshd.port());
    let flags = [
        format!("--git-ssh-key-file={host}/**={}", plain.display()),
        format!("--git-ssh-known-hosts-file={host}/**={}", known.display()),
    ];
    shows(&prepared(None, false), &[&flags[0], &flags[1]], "new");
    // Nobody can be asked whether the server is the right one.
    let unknown = prepared(Some(&plain), false).run(RENDER).expect(1);
    assert!(
        unknown.stderr.contains(&sshd.port().to_string()),
        "{}",
        unknown.stderr
    );
    let nobody = prepared(None, true).run(RENDER).expect(1);
    assert!(nobody.stderr.contains("team/project.git"), "{}", nobody.stderr);
    let asked = prepared(Some(&locked), true);
    let mut session = Session::spawn(asked.command(RENDER)).unwrap();
    session.expect("id_ed25519").unwrap();
    session.send_line("open sesame").unwrap();
    session.expect("name: new").unwrap();
    session.expect(Eof).unwrap();
}

/// A chart in a folder of a repository, pulled and rendered as part of a project; the branch moves on after the tag.
#[test]
fn charts_from_git_over_ssh() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("team/charts.git");
    std::fs::create_dir_all(folder.join("charts/web/templates")).unwrap();
    git(&folder, &["init", "-q", "-b", "main"]);
    let template =
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-{{ .Chart.Version }}\n";
    std::fs::write(folder.join("charts/web/templates/a.yaml"), template).unwrap();
    for (version, tag) in [("1.0.0", "v1"), ("1.1.0", "v2")] {
        let metadata = format!("apiVersion: v2\nname: web\nversion: {version}\n");
        std::fs::write(folder.join("charts/web/Chart.yaml"), metadata).unwrap();
        git(&folder, &["add", "-A"]);
        git(&folder, &["commit", "-q", "-m", version]);
        git(&folder, &["tag", tag]);
    }
    let key = root.path().join("key");
    ssh_keygen(&key, "ed25519", "");
    let Some(sshd) = Sshd::start(&[key.with_extension("pub")], "GIT_PROTOCOL") else {
        return;
    };
    let known = root.path().join("known");
    std::fs::write(&known, sshd.known_host()).unwrap();
    let host = format!("127.0.0.1:{}", sshd.port());
    let flags = [
        format!("--git-ssh-key-file={host}/**={}", key.display()),
        format!("--git-ssh-known-hosts-file={host}/**={}", known.display()),
    ];
    let url = format!("{}{}", sshd.url(), folder.display());
    for (reference, pre_pull) in [("tag: v1", true), ("tag: v1", false), ("branch: main", true)] {
        let environment = deployment("path: app");
        environment.write(".kluctl.yaml", "{}\n");
        environment.write("app/kustomization.yaml", "resources: [out.yaml]\n");
        environment.write(
            "app/helm-chart.yaml",
            &format!(
                "helmChart:\n  git: {{url: '{url}', ref: {{{reference}}}, subDir: charts/web}}\n  releaseName: shop\n  \
                 namespace: default\n  output: out.yaml\n  skipPrePull: {}\n",
                !pre_pull
            ),
        );
        let flags = [flags[0].as_str(), &flags[1]];
        if pre_pull {
            let _ = environment.run(["helm-pull"].iter().chain(&flags)).expect(0);
        }
        let version = if reference == "tag: v1" { "1.0.0" } else { "1.1.0" };
        shows(&environment, &flags, &format!("shop-{version}"));
    }
}

#[test]
fn folders_stand_in_for_repositories_and_artifacts() {
    let environment = environment();
    environment.write(
        "deployment.yaml",
        "deployments:\n- git: {url: 'https://git.example/team/one.git', ref: {branch: gone}}\n\
         - git: {url: 'git@git.example:team/two.git'}\n- oci: {url: 'oci://registry.example/team/three'}\n\
         - oci: {url: 'oci://registry.example/group/four', ref: {tag: x}}\n",
    );
    for name in ["one", "two", "three", "four"] {
        project(&environment.work().join("local").join(name), name);
    }
    let output = environment.run(RENDER.iter().copied().chain([
        "--local-git-override=git.example/team/one=local/one",
        "--local-git-group-override=git.example/team=local",
        "--local-oci-override=registry.example/team/three=local/three",
        "--local-oci-group-override=registry.example/group=local",
    ]));
    let output = output.expect(0);
    let names: Vec<&str> = output
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("  name: "))
        .collect();
    assert_eq!(names, ["one", "two", "three", "four"], "{}", output.stderr);
    assert!(output.stderr.contains("one"), "{}", output.stderr);
}

#[test]
fn results_say_which_commit_was_deployed() {
    let mut environment = environment();
    let folder = environment.home().join("sandbox");
    environment.set("KLUCTL_SANDBOX", folder.display().to_string());
    project(&environment.work().join("sub"), "here");
    let work = environment.work();
    git(&work, &["init", "-q", "-b", "main"]);
    git(
        &work,
        &["remote", "add", "origin", "https://git.example/team/project.git"],
    );
    git(&work, &["add", "-A"]);
    git(&work, &["commit", "-q", "-m", "one"]);
    let commit = git(&work, &["rev-parse", "HEAD"]);
    let deploy = [
        "deploy",
        "--yes",
        "--project-dir",
        "sub",
        "-o",
        "yaml",
        "--no-wait",
    ];
    let clean = environment.run(deploy).expect(0);
    let info = format!(
        "gitInfo:\n  commit: {commit}\n  dirty: false\n  ref:\n    branch: main\n  subDir: sub\n  \
         url: https://git.example/team/project.git\n"
    );
    let key = "projectKey:\n  repoKey: git://git.example/team/project\n  subDir: sub\n";
    for expected in [&*info, key] {
        assert!(clean.stdout.contains(expected), "{expected}\n{}", clean.stdout);
    }
    environment.write(
        "sub/app/other.yaml",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: other}}\n",
    );
    let dirty = environment.run(deploy).expect(0);
    assert!(dirty.stdout.contains("dirty: true\n"), "{}", dirty.stdout);
}

#[test]
fn many_processes_share_one_cache() {
    let root = tempfile::tempdir().unwrap();
    repository(root.path());
    let server = serve_git(root.path().to_owned(), false);
    let item = format!(
        "git: {{url: '{}/team/project.git', ref: {{tag: v1}}}}",
        server.url()
    );
    let environment = deployment(&item);
    let started: Vec<_> = (0..8)
        .map(|_| {
            let mut command = environment.command(RENDER);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for child in started {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains("name: old\n"), "{text}{error}");
    }
    // What the cache has needs no more than the question what the references are.
    let size = |environment: &Environment| folder_size(&environment.home().join(".cache/kluctl"));
    assert!(size(&environment) > 0);
    let output = environment.run(["cache", "prune", "--max-size", "0"]).expect(0);
    assert!(size(&environment) < 10_000, "{}{}", output.stdout, output.stderr);
    shows(&environment, &[], "old");
}

fn folder_size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Pushes the project of an environment under some versions.
fn push(environment: &Environment, repository: &str, more: &[&str]) -> Vec<String> {
    let work = environment.work().join("pushed");
    std::fs::create_dir_all(&work).unwrap();
    let mut digests = Vec::new();
    for version in ["v1.0.0", "v1.2.0", "v2.0.0"] {
        project(&work, &version.replace('.', "-"));
        if digests.is_empty() {
            git(&work, &["init", "-q", "-b", "main"]);
        }
        git(&work, &["add", "-A"]);
        git(&work, &["commit", "-q", "-m", version]);
        let url = format!("--url=oci://{repository}:{version}");
        let arguments = ["oci", "push", "--project-dir", "pushed", "--output", "json", &url];
        let output = environment.run(arguments.iter().chain(more)).expect(0);
        let told: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!(told["repository"], repository, "{}", output.stdout);
        assert_eq!(told["tag"], version);
        digests.push(told["digest"].as_str().unwrap().to_owned());
    }
    digests
}

#[test]
fn artifacts_by_tag_digest_and_range_of_versions() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let repository = format!("{}/team/project", registry.address());
    let environment = environment();
    let digests = push(&environment, &repository, &["--annotation", "a=b"]);
    for (reference, expected) in [
        ("{tag: v1.0.0}".to_owned(), "v1-0-0"),
        (format!("{{digest: '{}'}}", digests[1]), "v1-2-0"),
        ("{semver: '1.x'}".to_owned(), "v1-2-0"),
        ("{semver: '>=1.0.0'}".to_owned(), "v2-0-0"),
    ] {
        let item = format!("oci: {{url: 'oci://{repository}', ref: {reference}}}");
        environment.write("deployment.yaml", &format!("deployments:\n- {item}\n"));
        shows(&environment, &[], expected);
    }
    for reference in ["{tag: v9}", "{semver: '^3.0.0'}", "{semver: nonsense}"] {
        let item = format!("oci: {{url: 'oci://{repository}', ref: {reference}}}");
        environment.write("deployment.yaml", &format!("deployments:\n- {item}\n"));
        let output = environment.run(RENDER).expect(1);
        assert!(output.stderr.contains("team/project"), "{}", output.stderr);
    }
}

/// A proxy that answers for hosts that do not exist.
fn proxy(root: &Path) -> Web {
    let root = root.to_owned();
    Web::start(move |request| {
        let Some(rest) = request.target.strip_prefix("http://outside.example") else {
            return Reply::new(502, "not for this proxy");
        };
        if rest == "/vars" {
            return Reply::new(200, "name: by-proxy\n");
        }
        let mut inner = request.clone();
        rest.clone_into(&mut inner.target);
        git_backend(&root, &inner)
    })
}

#[test]
fn proxies_of_the_environment() {
    let root = tempfile::tempdir().unwrap();
    repository(root.path());
    let proxy = proxy(root.path());
    let direct = Web::start(|_| Reply::new(200, "name: direct\n"));
    let with_vars = |url: &str| {
        let environment = deployment("path: app");
        let vars = format!("vars:\n- http: {{url: '{url}/vars'}}\ndeployments:\n- path: app\n");
        environment.write("deployment.yaml", &vars);
        environment.write(
            "app/config.yaml",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: '{{ name }}'}}\n",
        );
        environment
    };
    for name in ["HTTP_PROXY", "http_proxy"] {
        let mut environment = with_vars("http://outside.example");
        environment.set(name, proxy.url());
        shows(&environment, &[], "by-proxy");
        let mut git = deployment("git: {url: 'http://outside.example/team/project.git', ref: {tag: v1}}");
        git.set(name, proxy.url());
        shows(&git, &[], "old");
        let mut beside = with_vars(&direct.url());
        beside.set(name, proxy.url());
        beside.set("NO_PROXY", "127.0.0.1");
        shows(&beside, &[], "direct");
    }
    // As Go has it, a server on this machine needs no proxy.
    let mut here = with_vars(&direct.url());
    here.set("HTTP_PROXY", proxy.url());
    shows(&here, &[], "direct");
}
