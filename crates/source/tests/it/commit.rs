//! Commits made without Git, looked at with Git.

use camino::{Utf8Path, Utf8PathBuf};
use kluctl_source::git::{changed_files, commit_files, root_of};

use kluctl_testkit::git;

use super::git::commit;

#[test]
fn a_commit_holds_the_named_files_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Utf8Path::from_path(folder.path()).expect("UTF-8");
    git(folder.path(), &["init", "-q", "-b", "main"]);
    git(folder.path(), &["config", "user.name", "Somebody"]);
    git(folder.path(), &["config", "user.email", "somebody@example.com"]);
    commit(folder.path(), ".gitignore", "ignored\n");
    commit(folder.path(), "a/one.txt", "1");
    commit(folder.path(), "a.txt", "flat");
    commit(folder.path(), "a/deep/two.txt", "2");
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("making a folder");
        std::fs::write(path, text).expect("writing a file");
    };
    assert_eq!(changed_files(root).expect("a status"), []);
    write("a/one.txt", "changed");
    write("b/new.txt", "new");
    write("other.txt", "stays");
    write("ignored", "never told");
    std::fs::remove_file(root.join("a/deep/two.txt")).expect("removing a file");
    let changed: Vec<_> = changed_files(root)
        .expect("a status")
        .into_iter()
        .map(|file| (file.path.into_string(), file.tracked))
        .collect();
    let expected = [
        ("a/deep/two.txt", true),
        ("a/one.txt", true),
        ("b/new.txt", false),
        ("other.txt", false),
    ];
    assert_eq!(
        changed,
        expected.map(|(path, tracked)| (path.to_owned(), tracked))
    );
    let paths = ["a/deep/two.txt", "a/one.txt", "b/new.txt"].map(Utf8PathBuf::from);
    let id = commit_files(root, &paths, "Change it").expect("a commit");
    assert_eq!(git(folder.path(), &["rev-parse", "main"]), id);
    assert_eq!(
        git(
            folder.path(),
            &[
                "show",
                "--format=%s|%an|%ae",
                "--name-status",
                "--no-renames",
                "HEAD"
            ]
        ),
        "Change it|Somebody|somebody@example.com\n\nD\ta/deep/two.txt\nM\ta/one.txt\nA\tb/new.txt"
    );
    assert_eq!(git(folder.path(), &["status", "--short"]), "?? other.txt");
    git(folder.path(), &["fsck", "--strict"]);
    assert_eq!(root_of(&root.join("a")), Some(root));
}
