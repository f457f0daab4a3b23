//! Names of templates as paths, always with `/`.

/// `.` and `..` resolved as text.
pub(crate) fn normalize(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// A name starting with `./` or `../` is meant from the folder of the template that asks; others are taken as they are.
pub(crate) fn join(name: &str, parent: Option<&str>) -> String {
    if !(name.starts_with("./") || name.starts_with("../")) {
        return name.to_owned();
    }
    let Some(parent) = parent else {
        return name.to_owned();
    };
    match parent.rsplit_once('/') {
        Some((folder, _)) => normalize(&format!("{folder}/{name}")),
        None => normalize(name),
    }
}

/// Parts of a name that is searched for; `..` is refused.
pub(crate) fn pieces(name: &str) -> Option<Vec<&str>> {
    let pieces: Vec<&str> = name
        .split('/')
        .filter(|piece| !piece.is_empty() && *piece != ".")
        .collect();
    (!pieces.contains(&"..")).then_some(pieces)
}
