//! Git repositories made by the real Git, from folders and over `git http-backend`.

use std::path::{Path, PathBuf};

use kluctl_source::git::{GitOptions, GitReference, GitRepositories};
use kluctl_source::{Cache, Credential, Credentials};
use kluctl_testkit::{Reply, Server, TestAuthority, git, git_backend, serve_git};

pub(crate) fn commit(folder: &Path, file: &str, text: &str) -> String {
    std::fs::create_dir_all(folder.join(file).parent().expect("a folder")).expect("making a folder");
    std::fs::write(folder.join(file), text).expect("writing a file");
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "-m", "change"]);
    git(folder, &["rev-parse", "HEAD"])
}

/// A repository with two commits on `main`, a tag on the first, and a branch `other`.
pub(crate) fn repository(root: &Path) -> (PathBuf, String, String) {
    let folder = root.join("team/project.git");
    std::fs::create_dir_all(&folder).expect("making a folder");
    git(&folder, &["init", "-q", "-b", "main"]);
    let first = commit(&folder, "deep/file.txt", "one");
    git(&folder, &["tag", "v1"]);
    git(&folder, &["branch", "other"]);
    let second = commit(&folder, "deep/file.txt", "two");
    (folder, first, second)
}

fn sources(cache: &Path, credentials: Vec<Credential>) -> GitRepositories {
    let cache = camino::Utf8PathBuf::from_path_buf(cache.to_owned()).expect("UTF-8");
    GitRepositories::new(
        Cache::new(cache),
        GitOptions {
            credentials: Credentials::new(credentials).expect("credentials"),
            ..GitOptions::default()
        },
    )
}

pub(crate) fn check(sources: &GitRepositories, address: &str, first: &str, second: &str) {
    let text = |reference: Option<GitReference>| {
        let snapshot = sources.snapshot(address, reference.as_ref()).expect("a snapshot");
        let file = snapshot
            .files
            .get(camino::Utf8Path::new("deep/file.txt"))
            .expect("the file");
        (String::from_utf8_lossy(file).into_owned(), snapshot.commit)
    };
    assert_eq!(text(None), ("two".to_owned(), second.to_owned()));
    assert_eq!(
        text(Some(GitReference::Branch("other".into()))),
        ("one".to_owned(), first.to_owned())
    );
    assert_eq!(
        text(Some(GitReference::Tag("v1".into()))),
        ("one".to_owned(), first.to_owned())
    );
    assert_eq!(
        text(Some(GitReference::Commit(first.to_owned()))),
        ("one".to_owned(), first.to_owned())
    );
    let error = sources
        .snapshot(address, Some(&GitReference::Branch("nope".into())))
        .expect_err("no such branch");
    assert!(error.to_string().ends_with("has no refs/heads/nope"), "{error}");
    let error = sources
        .snapshot(address, Some(&GitReference::Branch("v1".into())))
        .expect_err("a tag");
    assert!(
        error.to_string().ends_with("(did you mean refs/tags/v1?)"),
        "{error}"
    );
    let names: Vec<_> = sources
        .references(address)
        .expect("references")
        .into_keys()
        .collect();
    assert_eq!(names, ["refs/heads/main", "refs/heads/other", "refs/tags/v1"]);
}

#[test]
fn reads_a_folder() {
    let root = tempfile::tempdir().expect("a folder");
    let (folder, first, second) = repository(root.path());
    check(
        &sources(&root.path().join("cache"), Vec::new()),
        &format!("file://{}", folder.display()),
        &first,
        &second,
    );
}

#[test]
fn mirrors_a_repository_over_http() {
    let root = tempfile::tempdir().expect("a folder");
    let (folder, first, second) = repository(root.path());
    let server = serve_git(root.path().to_owned(), false);
    let address = format!("{}/team/project.git", server.url());
    let cache = root.path().join("cache");
    check(&sources(&cache, Vec::new()), &address, &first, &second);

    // A later run sees what has moved and forgets what has gone.
    let third = commit(&folder, "deep/file.txt", "three");
    git(&folder, &["branch", "-D", "other"]);
    let later = sources(&cache, Vec::new());
    assert_eq!(later.snapshot(&address, None).expect("a snapshot").commit, third);
    assert!(
        !later
            .references(&address)
            .expect("references")
            .contains_key("refs/heads/other")
    );
}

#[test]
fn presents_credentials_and_keeps_them_out_of_errors() {
    let root = tempfile::tempdir().expect("a folder");
    let (_, _, second) = repository(root.path());
    let server = serve_git(root.path().to_owned(), true);
    let address = format!("{}/team/project.git", server.url());
    let credential = |password: &str| Credential {
        host: server.address(),
        path: Some("team/*".to_owned()),
        username: Some("user".to_owned()),
        password: Some(password.to_owned()),
        ..Credential::default()
    };
    let good = sources(&root.path().join("good"), vec![credential("secret")]);
    assert_eq!(good.snapshot(&address, None).expect("a snapshot").commit, second);
    for (name, list) in [("none", Vec::new()), ("wrong", vec![credential("letmein")])] {
        let error = sources(&root.path().join(name), list)
            .snapshot(&address, None)
            .expect_err("refused");
        assert!(!error.to_string().contains("letmein"), "{error}");
    }
}

#[test]
fn trusts_the_authority_that_is_given() {
    let root = tempfile::tempdir().expect("a folder");
    let (_, first, second) = repository(root.path());
    let authority = TestAuthority::new();
    let folder = root.path().to_owned();
    let server = Server::start_tls(&authority, move |request| {
        if request.header("authorization") != Some("Basic dXNlcjpzZWNyZXQ=") {
            return Reply::new(401, "").with("WWW-Authenticate", "Basic realm=\"git\"");
        }
        git_backend(&folder, request)
    });
    let address = format!("{}/team/project.git", server.url());
    let trusted = Credential {
        host: server.address(),
        username: Some("user".to_owned()),
        password: Some("secret".to_owned()),
        ca: Some(authority.ca.clone().into_bytes()),
        ..Credential::default()
    };
    check(
        &sources(&root.path().join("good"), vec![trusted.clone()]),
        &address,
        &first,
        &second,
    );
    // The login may stand in the address instead.
    let with_login = address.replacen("://", "://user:secret@", 1);
    let only_trusted = Credential {
        username: None,
        password: None,
        ..trusted.clone()
    };
    check(
        &sources(&root.path().join("address"), vec![only_trusted]),
        &with_login,
        &first,
        &second,
    );
    let unknown = Credential { ca: None, ..trusted };
    let error = sources(&root.path().join("bad"), vec![unknown])
        .snapshot(&address, None)
        .expect_err("an unknown authority")
        .to_string();
    assert!(
        error.contains("certificate") && !error.contains("secret"),
        "{error}"
    );
}

#[test]
fn many_use_one_cache_at_once() {
    let root = tempfile::tempdir().expect("a folder");
    let (_, first, second) = repository(root.path());
    let server = serve_git(root.path().to_owned(), false);
    let address = format!("{}/team/project.git", server.url());
    let cache = root.path().join("cache");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            // One each, as if they were processes of their own.
            scope.spawn(|| check(&sources(&cache, Vec::new()), &address, &first, &second));
        }
    });
}

#[test]
fn asks_again_only_after_the_interval() {
    let root = tempfile::tempdir().expect("a folder");
    let (folder, _, second) = repository(root.path());
    let server = serve_git(root.path().to_owned(), false);
    let address = format!("{}/team/project.git", server.url());
    let newest = |interval: std::time::Duration| {
        let cache = camino::Utf8PathBuf::from_path_buf(root.path().join("cache")).expect("UTF-8");
        let options = GitOptions {
            update_interval: interval,
            ..GitOptions::default()
        };
        let sources = GitRepositories::new(Cache::new(cache), options);
        sources.snapshot(&address, None).expect("a snapshot").commit
    };
    let hour = std::time::Duration::from_hours(1);
    assert_eq!(newest(hour), second);
    let third = commit(&folder, "deep/file.txt", "three");
    assert_eq!(newest(hour), second);
    assert_eq!(newest(std::time::Duration::ZERO), third);
}

#[test]
fn follows_links_inside_of_the_repository() {
    let root = tempfile::tempdir().expect("a folder");
    let (folder, _, _) = repository(root.path());
    std::os::unix::fs::symlink("deep", folder.join("link")).expect("a link");
    std::os::unix::fs::symlink("/etc/hostname", folder.join("outside")).expect("a link");
    commit(&folder, "other.txt", "x");
    let sources = sources(&root.path().join("cache"), Vec::new());
    let snapshot = sources
        .snapshot(&format!("file://{}", folder.display()), None)
        .expect("a snapshot");
    let names: Vec<_> = snapshot.files.keys().map(|path| path.as_str()).collect();
    assert_eq!(names, ["deep/file.txt", "link/file.txt", "other.txt"]);
}

#[test]
fn tells_where_a_work_tree_comes_from() {
    use kluctl_source::git::{GitHead, WorkTree};
    use kluctl_source::latest_commit;
    let root = tempfile::tempdir().expect("a folder");
    let (folder, first, second) = repository(root.path());
    let path = camino::Utf8PathBuf::from_path_buf(folder.clone()).expect("UTF-8");
    let read = || WorkTree::read(&path).expect("a work tree").expect("a repository");
    let tree = read();
    assert_eq!(tree.head, Some(GitHead::Branch("main".into())));
    assert_eq!(
        (tree.commit.as_deref(), tree.dirty, tree.origin),
        (Some(second.as_str()), false, None)
    );
    git(
        &folder,
        &["remote", "add", "origin", "git@git.example:Team/Project.git"],
    );
    assert_eq!(
        read().origin.expect("an origin").repo_key(),
        "git://git.example/team/project"
    );
    let third = commit(&folder, "other.txt", "x");
    for (file, expected) in [
        ("deep/file.txt", Some(&second)),
        ("deep", Some(&second)),
        ("other.txt", Some(&third)),
        ("nothing.txt", None),
    ] {
        assert_eq!(
            latest_commit(&path.join(file)).expect("a repository").as_ref(),
            expected,
            "{file}"
        );
    }
    std::fs::write(folder.join("new.txt"), "x").expect("a file");
    assert!(read().dirty);
    std::fs::remove_file(folder.join("new.txt")).expect("a file");
    assert!(!read().dirty);
    std::fs::write(folder.join("other.txt"), "y").expect("a file");
    assert!(read().dirty);
    git(&folder, &["checkout", "-q", "-f", "--detach", &first]);
    let tree = read();
    assert_eq!((tree.head, tree.commit), (None, Some(first)));
    assert_eq!(
        WorkTree::read(camino::Utf8Path::new("/")).expect("no error"),
        None
    );
}
