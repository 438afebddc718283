//! What `.cargo/config.toml` says of jobs: the alias, and where they are kept.

use toml_edit::{DocumentMut, Item, Table, value};

use super::failure::{Failure, Result};

/// Adds `cargo craft` for a binary, and a URL where one is given; what is set already is kept.
///
/// # Errors
///
/// Where the text is not TOML, or has something else in their place.
pub(super) fn edit(text: &str, binary: &str, url: Option<&str>) -> Result<String> {
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error| Failure::new(format!("cannot parse the configuration of cargo: {error}nothing was written")))?;
    set(&mut document, ["alias", "craft"], &format!("run --quiet --bin {binary} --"))?;
    if let Some(url) = url {
        set(&mut document, ["env", "QUEUE_URL"], url)?;
    }
    Ok(document.to_string())
}

fn set(document: &mut DocumentMut, [table, key]: [&str; 2], text: &str) -> Result<()> {
    let item = document.entry(table).or_insert_with(|| Item::Table(Table::new()));
    let Some(table) = item.as_table_like_mut() else {
        return Err(Failure::new(format!("`{table}` in the configuration of cargo is no table")));
    };
    if !table.contains_key(key) {
        table.insert(key, value(text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_set_and_what_is_set_is_kept() {
        let new = "[alias]\ncraft = \"run --quiet --bin craft --\"\n\n[env]\nQUEUE_URL = \"sqlite:jobs.db\"\n";
        assert_eq!(edit("", "craft", Some("sqlite:jobs.db")).unwrap(), new);
        assert_eq!(edit(new, "other", Some("memory:")).unwrap(), new);
        let set = "env = { QUEUE_URL = { value = \"x\", force = true } } # ours\n\n[alias]\nb = \"build\"\n";
        assert_eq!(edit(set, "craft", Some("sqlite:jobs.db")).unwrap(), format!("{set}craft = \"run --quiet --bin craft --\"\n"));
        assert!(!edit("", "craft", None).unwrap().contains("env"));
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        assert!(edit("[alias", "craft", None).unwrap_err().to_string().contains("cannot parse"));
        assert!(edit("alias = 1\n", "craft", None).unwrap_err().to_string().contains("`alias`"));
    }
}
