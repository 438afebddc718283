//! Writing a plan: all of it, or nothing.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::failure::{Failure, Result};
use super::plan::{Edit, Plan, shown};

/// Writes every file of a plan beside its place, and then puts them all in place. After an error all is as it was.
///
/// # Errors
///
/// Those of [`Plan::check`], and what the system says.
pub(super) fn apply(plan: &Plan) -> Result<()> {
    plan.check()?;
    let mut undo = Undo::default();
    let done = write(plan, &mut undo);
    if done.is_ok() {
        undo.steps.clear();
    }
    done
}

fn write(plan: &Plan, undo: &mut Undo) -> Result<()> {
    let mut staged = Vec::new();
    for edit in plan.writes() {
        let fail = |error| Failure::new(format!("cannot write {}: {error}; all is as it was", shown(&edit.path)));
        staged.push((edit, stage(edit, undo).map_err(fail)?));
    }
    for (edit, (beside, place)) in staged {
        let fail = |error| Failure::new(format!("cannot put {} in place: {error}; all is as it was", shown(&edit.path)));
        fs::rename(&beside, &place).map_err(fail)?;
        undo.steps.push(edit.before.clone().map_or(Step::Remove(place.clone()), |before| Step::Restore(place, before)));
    }
    Ok(())
}

/// Writes what a file becomes into a file beside it, and returns the paths of both.
///
/// That file is a lock as well: whoever has it knows that no other `craft` changes the file between a look and the end.
fn stage(edit: &Edit, undo: &mut Undo) -> io::Result<(PathBuf, PathBuf)> {
    // Through a link, which shall stay one.
    let place = if edit.before.is_some() { fs::canonicalize(&edit.path)? } else { edit.path.clone() };
    let (Some(folder), Some(name)) = (place.parent(), place.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it has no folder"));
    };
    create_folder(folder, undo)?;
    let beside = folder.join(format!(".{}.craft", name.to_string_lossy()));
    let mut file = OpenOptions::new().write(true).create_new(true).open(&beside).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            let beside = shown(&beside);
            io::Error::other(format!("another craft writes it; run this again, and if none does remove {beside}"))
        }
        _ => error,
    })?;
    undo.steps.push(Step::Remove(beside.clone()));
    let is_as_planned = match &edit.before {
        Some(before) => fs::read(&place)? == before.as_bytes(),
        None => fs::symlink_metadata(&place).is_err(),
    };
    if !is_as_planned {
        return Err(io::Error::other("it was changed meanwhile; run this again"));
    }
    file.write_all(edit.after.as_bytes())?;
    if edit.before.is_some() {
        file.set_permissions(fs::metadata(&place)?.permissions())?;
    }
    // A machine that stops now must not leave an empty file behind the new name.
    file.sync_all()?;
    Ok((beside, place))
}

fn create_folder(folder: &Path, undo: &mut Undo) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        create_folder(parent, undo)?;
    }
    fs::create_dir(folder)?;
    undo.steps.push(Step::RemoveFolder(folder.to_owned()));
    Ok(())
}

/// The way back.
#[derive(Debug)]
enum Step {
    Remove(PathBuf),
    RemoveFolder(PathBuf),
    Restore(PathBuf, String),
}

/// Goes the way back when it is dropped; what cannot be undone stays, because the error that led here says more.
#[derive(Debug, Default)]
struct Undo {
    steps: Vec<Step>,
}

impl Drop for Undo {
    fn drop(&mut self) {
        for step in self.steps.drain(..).rev() {
            drop(match step {
                Step::Remove(path) => fs::remove_file(path),
                Step::RemoveFolder(path) => fs::remove_dir(path),
                Step::Restore(path, before) => fs::write(path, before),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<std::ffi::OsString> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    #[test]
    fn after_an_error_all_is_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("old"), "before\n").unwrap();
        let mut plan = Plan::default();
        plan.put(at("old"), "after\n".to_owned()).unwrap();
        plan.put(at("new"), "new\n".to_owned()).unwrap();
        // It cannot be a file and a folder.
        plan.put(at("place"), "new\n".to_owned()).unwrap();
        plan.put(at("place/b/new"), "new\n".to_owned()).unwrap();
        let failure = apply(&plan).unwrap_err().to_string();
        assert!(failure.starts_with("cannot put ") && failure.contains("place in place: "), "{failure}");
        assert_eq!(fs::read_to_string(at("old")).unwrap(), "before\n");
        assert_eq!(names(folder.path()), ["old"]);
    }

    #[test]
    fn what_another_wrote_meanwhile_is_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("old"), "before\n").unwrap();
        let plan = |names: [&str; 2]| {
            let mut plan = Plan::default();
            for name in names {
                plan.put(at(name), "ours\n".to_owned()).unwrap();
            }
            plan
        };
        let (changes, creates) = (plan(["new", "old"]), plan(["new", "born"]));
        fs::write(at(".old.craft"), "").unwrap();
        let failure = apply(&changes).unwrap_err().to_string();
        assert!(failure.contains("another craft writes it") && failure.contains(".old.craft"), "{failure}");
        assert_eq!(names(folder.path()), [".old.craft", "old"]);
        fs::remove_file(at(".old.craft")).unwrap();
        for (name, plan) in [("old", changes), ("born", creates)] {
            fs::write(at(name), "theirs\n").unwrap();
            assert!(apply(&plan).unwrap_err().to_string().contains("changed meanwhile"), "{name}");
            assert_eq!(fs::read_to_string(at(name)).unwrap(), "theirs\n");
        }
        assert_eq!(names(folder.path()), ["born", "old"]);
    }

    #[test]
    fn a_plan_is_written_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = Plan::default();
        plan.put(folder.path().join("a/b"), "new\n".to_owned()).unwrap();
        apply(&plan).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("a/b")).unwrap(), "new\n");
        assert_eq!(fs::read_dir(folder.path().join("a")).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_one_and_a_mode_too() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};

        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "before\n").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&real, &link).unwrap();
        let mut plan = Plan::default();
        plan.put(link.clone(), "after\n".to_owned()).unwrap();
        apply(&plan).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "after\n");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
