//! Each mutation of the ledger applies to the tree as it is, so that it can be tried.

use std::path::Path;

use super::Finding;
use super::files::File;
use crate::mutants::patch;

pub fn check(file: &File, root: &Path) -> Option<Finding> {
    let is_patch = file.path.starts_with(patch::DIRECTORY) && file.path.ends_with(".patch");
    if !is_patch {
        return None;
    }
    match patch::check(root, &file.text) {
        Ok(Ok(())) => None,
        Ok(Err(why)) => Some(Finding::whole(&file.path, why)),
        Err(error) => Some(Finding::whole(&file.path, format!("{error:#}"))),
    }
}
