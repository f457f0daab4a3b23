//! Errors and warnings of a run, as data.

use kluctl_object::ObjectRef;

/// An error or a warning, with the object that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The object; `None` where the problem is about the whole run.
    pub object: Option<ObjectRef>,
    /// What a person reads.
    pub message: String,
}

/// What went wrong or deserves attention: each text once per object, in the order it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// Problems that make the command fail.
    pub errors: Vec<Problem>,
    /// Problems that do not.
    pub warnings: Vec<Problem>,
}

impl Problems {
    /// Adds an error.
    pub fn error(&mut self, object: Option<&ObjectRef>, message: impl Into<String>) {
        push(&mut self.errors, object, message.into());
    }

    /// Adds a warning.
    pub fn warning(&mut self, object: Option<&ObjectRef>, message: impl Into<String>) {
        push(&mut self.warnings, object, message.into());
    }

    /// Adds warnings that the server sent with an answer.
    pub fn server_warnings(&mut self, object: &ObjectRef, texts: &[String]) {
        for text in texts {
            self.warning(Some(object), text);
        }
    }

    /// Adds another collection behind this one.
    pub fn extend(&mut self, other: Self) {
        for problem in other.errors {
            push(&mut self.errors, problem.object.as_ref(), problem.message);
        }
        for problem in other.warnings {
            push(&mut self.warnings, problem.object.as_ref(), problem.message);
        }
    }
}

fn push(list: &mut Vec<Problem>, object: Option<&ObjectRef>, message: String) {
    let problem = Problem {
        object: object.cloned(),
        message,
    };
    if !list.contains(&problem) {
        list.push(problem);
    }
}
