//! Several bindings of one key, where that is a fault.

use super::key::{Key, place};
use super::resolve::{Core, Found};

/// What a strict container says of a key that is bound more than once.
pub(super) fn text(core: &Core, key: &Key) -> String {
    let places = places(core, |index| core.bindings[index].definition.key == *key, key);
    format!(
        "{key} is bound more than once ({places}), and the container is strict: remove one, or tell them apart with `.named(\"..\")` or `.primary()`"
    )
}

/// Each of them, once: keys bound twice in a strict container, and keys with two primaries.
pub(super) fn all(core: &Core) -> Vec<String> {
    let mut texts = Vec::new();
    for row in core.rows.values() {
        let found = row.unnamed.iter().chain(row.named.iter().map(|(_, found)| found));
        for found in found {
            if let Found::Ambiguous(index) = found {
                texts.push(text(core, &core.bindings[*index].definition.key));
            }
        }
        let level = row.all.iter().map(|index| core.bindings[*index].level).max().unwrap_or(0);
        let is_primary = |index: usize| core.bindings[index].definition.is_primary && core.bindings[index].level == level;
        if row.all.iter().filter(|index| is_primary(**index)).count() > 1 {
            let key = Key { name: None, ..core.bindings[row.all[0]].definition.key };
            texts.push(format!("{key} has more than one primary ({}): one can be the first", places(core, is_primary, &key)));
        }
    }
    texts
}

fn places(core: &Core, is_meant: impl Fn(usize) -> bool, key: &Key) -> String {
    let meant = core.all(key.type_id).iter().filter(|index| is_meant(**index));
    meant.map(|index| place(core.bindings[*index].definition.place)).collect::<Vec<_>>().join(", ")
}
