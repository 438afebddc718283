//! What a package's `Cargo.toml` needs for its jobs.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value, value};

use super::checkout::Checkout;
use super::failure::{Failure, Result};

/// What shall be there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The feature of `queue` that holds the driver.
    pub(super) feature: Option<&'a str>,
    pub(super) checkout: Option<&'a Checkout>,
    /// The binary of the jobs.
    pub(super) binary: &'a str,
    /// The program that `cargo run` shall go on to run.
    pub(super) default_run: Option<&'a str>,
}

/// A dependency that shall be there.
struct Dependency<'a> {
    name: &'a str,
    version: &'a str,
    path: Option<&'a str>,
    features: &'a [&'a str],
    default_features: bool,
}

/// The versions that this program was made with.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Adds what is missing, and leaves all else as it stands.
///
/// # Errors
///
/// Where the text is no manifest, or says something else of what is needed.
pub(super) fn edit(text: &str, wanted: Wanted<'_>) -> Result<String> {
    let mut document: DocumentMut =
        text.parse().map_err(|error| Failure::new(format!("cannot parse Cargo.toml: {error}nothing was written")))?;
    let auto_library = package_key(&document, "autolib").is_none_or(|key| key.as_bool() != Some(false));
    if !auto_library && !document.contains_key("lib") {
        let why = "Cargo.toml has `autolib = false` and no [lib]: add [lib] with `path = \"src/lib.rs\"`, because jobs live in the library";
        return Err(Failure::new(why));
    }
    dependencies(&mut document, wanted)?;
    binary(&mut document, wanted)?;
    Ok(document.to_string())
}

fn package_key<'a>(document: &'a DocumentMut, key: &str) -> Option<&'a Item> {
    document.get("package")?.get(key)
}

fn dependencies(document: &mut DocumentMut, wanted: Wanted<'_>) -> Result<()> {
    let features: Vec<&str> = wanted.feature.into_iter().collect();
    let (queue, cli) = wanted.checkout.map(|checkout| (checkout.queue.as_str(), checkout.cli.as_str())).unzip();
    let queue = Dependency { name: "queue", version: VERSION, path: queue, features: &features, default_features: true };
    let cli = Dependency { name: "queue-cli", version: VERSION, path: cli, features: &[], default_features: false };
    with_table(document, "dependencies", |table| {
        require(table, &queue)?;
        require(table, &cli)
    })?;
    // The test of an async job waits for its future.
    let has_tokio = ["dependencies", "dev-dependencies"].iter().any(|name| {
        let features = document.get(name).and_then(|table| table.get("tokio")).and_then(|tokio| tokio.get("features"));
        let features: Vec<&str> = features.and_then(Item::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let has = |names: &[&str]| names.iter().any(|name| features.contains(name));
        has(&["full"]) || has(&["macros"]) && has(&["rt", "rt-multi-thread"])
    });
    if !has_tokio {
        let tokio = Dependency { name: "tokio", version: "1", path: None, features: &["macros", "rt"], default_features: true };
        with_table(document, "dev-dependencies", |table| require(table, &tokio))?;
    }
    Ok(())
}

/// Edits a table of dependencies; where they are in order they stay so.
fn with_table(document: &mut DocumentMut, name: &str, edit: impl FnOnce(&mut dyn TableLike) -> Result<()>) -> Result<()> {
    let item = document.entry(name).or_insert_with(|| Item::Table(Table::new()));
    let table = item.as_table_like_mut().ok_or_else(|| Failure::new(format!("`{name}` in Cargo.toml is no table")))?;
    // To sort would also sort the keys of what is written as `name.key = ..`, which are in the order that their writer wanted.
    let is_dotted = |item: &Item| item.as_table().is_some_and(Table::is_dotted);
    let was_sorted = table.iter().map(|(key, _)| key).is_sorted() && !table.iter().any(|(_, item)| is_dotted(item));
    edit(table)?;
    if let (true, Item::Table(table)) = (was_sorted, item) {
        table.sort_values();
    }
    Ok(())
}

/// Adds a dependency, or to one that is there what it lacks.
fn require(table: &mut dyn TableLike, wanted: &Dependency<'_>) -> Result<()> {
    let Dependency { name, .. } = *wanted;
    for (key, item) in table.iter() {
        let package = item.get("package").and_then(Item::as_str);
        if key == name && package.is_some_and(|package| package != name) {
            return Err(Failure::new(format!("`{name}` in Cargo.toml is another package: the code of jobs needs that name")));
        }
        if key != name && package == Some(name) {
            return Err(Failure::new(format!(
                "Cargo.toml renames `{name}` to `{key}`: the code of jobs needs it by its own name"
            )));
        }
    }
    let Some(item) = table.get_mut(name) else {
        table.insert(name, new(wanted));
        return Ok(());
    };
    if let Some(version) = item.as_str() {
        if wanted.features.is_empty() && wanted.path.is_none() {
            return Ok(());
        }
        let mut full = InlineTable::new();
        full.insert("version", version.into());
        let mut full = Value::InlineTable(full);
        if let Some(old) = item.as_value() {
            *full.decor_mut() = old.decor().clone();
        }
        *item = Item::Value(full);
    }
    let Some(item) = item.as_table_like_mut() else {
        return Err(Failure::new(format!("`{name}` in Cargo.toml is no dependency that cargo knows")));
    };
    if let Some(path) = wanted.path
        && item.get("path").and_then(Item::as_str) != Some(path)
    {
        if let Some(source) = ["git", "registry", "workspace"].iter().find(|key| item.contains_key(key)) {
            let why = format!("Cargo.toml has `{name}` by `{source}` already: take `{source}` out, or leave out --path");
            return Err(Failure::new(why));
        }
        item.insert("path", value(path));
    }
    // The derive is a default feature.
    let lacks_default = wanted.default_features && item.get("default-features").and_then(Item::as_bool) == Some(false);
    let derive = (lacks_default && name == "queue").then_some("macros");
    let features: Vec<&str> = wanted.features.iter().copied().chain(derive).collect();
    if features.is_empty() {
        return Ok(());
    }
    let there = item.entry("features").or_insert_with(|| value(Array::new()));
    let Some(there) = there.as_array_mut() else {
        return Err(Failure::new(format!("the `features` of `{name}` in Cargo.toml are no list")));
    };
    for feature in features {
        if !there.iter().any(|there| there.as_str() == Some(feature)) {
            there.push(feature);
        }
    }
    Ok(())
}

fn new(wanted: &Dependency<'_>) -> Item {
    if wanted.path.is_none() && wanted.features.is_empty() && wanted.default_features {
        return value(wanted.version);
    }
    let mut table = InlineTable::new();
    match wanted.path {
        Some(path) => table.insert("path", path.into()),
        None => table.insert("version", wanted.version.into()),
    };
    if !wanted.default_features {
        table.insert("default-features", false.into());
    }
    if !wanted.features.is_empty() {
        table.insert("features", Value::Array(wanted.features.iter().copied().collect()));
    }
    value(table)
}

/// Makes the binary one that cargo and `craft` find, beside a program that goes on to be what `cargo run` runs.
fn binary(document: &mut DocumentMut, wanted: Wanted<'_>) -> Result<()> {
    let is_found = package_key(document, "autobins").is_none_or(|key| key.as_bool() != Some(false));
    let Some(package) = document.get_mut("package").and_then(Item::as_table_like_mut) else {
        return Err(Failure::new("Cargo.toml has no [package]"));
    };
    if let Some(program) = wanted.default_run
        && !package.contains_key("default-run")
    {
        package.insert("default-run", value(program));
    }
    if wanted.binary != "craft" {
        let metadata = sub_table(package, "metadata")?;
        let queue = sub_table(metadata, "queue")?;
        if queue.get("bin").and_then(Item::as_str) != Some(wanted.binary) {
            queue.insert("bin", value(wanted.binary));
        }
    }
    let bins = document.get("bin").and_then(Item::as_array_of_tables);
    let is_named = |table: &Table| table.get("name").and_then(Item::as_str) == Some(wanted.binary);
    if is_found || bins.is_some_and(|bins| bins.iter().any(is_named)) {
        return Ok(());
    }
    let bins = document.entry("bin").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let Some(bins) = bins.as_array_of_tables_mut() else {
        let why = format!("Cargo.toml has `autobins = false` and `bin = [..]`: add `{}` to it, at src/bin/{0}.rs", wanted.binary);
        return Err(Failure::new(why));
    };
    let mut table = Table::new();
    table.insert("name", value(wanted.binary));
    table.insert("path", value(format!("src/bin/{}.rs", wanted.binary)));
    bins.push(table);
    Ok(())
}

fn sub_table<'a>(table: &'a mut dyn TableLike, key: &str) -> Result<&'a mut dyn TableLike> {
    let new = || {
        let mut table = Table::new();
        // Its header is that of the table within it.
        table.set_implicit(true);
        Item::Table(table)
    };
    let item = table.entry(key).or_insert_with(new);
    item.as_table_like_mut().ok_or_else(|| Failure::new(format!("`{key}` in Cargo.toml is no table")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQLITE: Wanted<'_> = Wanted { feature: Some("sqlite"), checkout: None, binary: "craft", default_run: None };
    const PLAIN: &str = "[package]\nname = \"app\"\n";

    fn edited(text: &str, wanted: Wanted<'_>) -> String {
        let once = edit(text, wanted).unwrap();
        assert_eq!(edit(&once, wanted).unwrap(), once, "a second time changes nothing");
        once
    }

    #[test]
    fn what_is_missing_is_added_in_order_and_the_rest_stays() {
        let text = "[package]\nname = \"app\"  # ours\n\n[dependencies]\nanyhow = \"1\"\nserde = { version = \"1\" } # kept\n";
        let expected = format!(
            "[package]\nname = \"app\"  # ours\n\n[dependencies]\nanyhow = \"1\"\nqueue = {{ version = \"{VERSION}\", features = [\"sqlite\"] }}\n\
             queue-cli = {{ version = \"{VERSION}\", default-features = false }}\nserde = {{ version = \"1\" }} # kept\n\n\
             [dev-dependencies]\ntokio = {{ version = \"1\", features = [\"macros\", \"rt\"] }}\n"
        );
        assert_eq!(edited(text, SQLITE), expected);
    }

    #[test]
    fn a_dependency_that_is_there_gets_what_it_lacks() {
        for (line, expected) in [
            ("queue = \"0.1\" # why", "queue = { version = \"0.1\", features = [\"sqlite\"] } # why"),
            ("queue = { path = \"q\" }", "queue = { path = \"q\" , features = [\"sqlite\"] }"),
            (
                "queue = { path = \"q\", features = [\"anyhow\"] }",
                "queue = { path = \"q\", features = [\"anyhow\", \"sqlite\"] }",
            ),
            ("queue = { git = \"x\", features = [\"sqlite\"] }", "queue = { git = \"x\", features = [\"sqlite\"] }"),
            ("queue.workspace = true", "queue.workspace = true\nqueue.features = [\"sqlite\"]"),
            (
                "queue = { version = \"0.1\", default-features = false }",
                "queue = { version = \"0.1\", default-features = false , features = [\"sqlite\", \"macros\"] }",
            ),
        ] {
            let text = format!("{PLAIN}\n[dependencies]\n{line}\n");
            let now = edited(&text, SQLITE).replace(" ,", ",");
            assert!(now.contains(&expected.replace(" ,", ",")), "{line}: {now}");
        }
        let table = format!("{PLAIN}\n[dependencies.queue]\nversion = \"0.1\"\n");
        assert!(edited(&table, SQLITE).contains("[dependencies.queue]\nversion = \"0.1\"\nfeatures = [\"sqlite\"]\n"));
    }

    #[test]
    fn tokio_is_added_for_tests_where_it_does_not_do() {
        for (line, is_enough) in [
            ("tokio = { version = \"1\", features = [\"full\"] }", true),
            ("tokio = { version = \"1\", features = [\"rt-multi-thread\", \"macros\"] }", true),
            ("tokio = { version = \"1\", features = [\"sync\"] }", false),
            ("tokio = \"1\"", false),
        ] {
            let now = edited(&format!("{PLAIN}\n[dependencies]\n{line}\n"), SQLITE);
            assert_eq!(!now.contains("[dev-dependencies]"), is_enough, "{now}");
        }
    }

    #[test]
    fn a_checkout_is_taken_by_path() {
        let checkout = Checkout { queue: "../q/queue".to_owned(), cli: "../q/queue-cli".to_owned() };
        let wanted = Wanted { feature: None, checkout: Some(&checkout), ..SQLITE };
        let now = edited(PLAIN, wanted);
        assert!(
            now.contains(
                "queue = { path = \"../q/queue\" }\nqueue-cli = { path = \"../q/queue-cli\", default-features = false }\n"
            ),
            "{now}"
        );
        let now = edited(&format!("{PLAIN}[dependencies]\nqueue = {{ path = \"elsewhere\" }}\n"), wanted);
        assert!(now.contains("queue = { path = \"../q/queue\" }\n"), "{now}");
    }

    #[test]
    fn the_program_and_the_binary_are_named() {
        let now = edited(PLAIN, Wanted { default_run: Some("app"), ..SQLITE });
        assert!(now.contains("name = \"app\"\ndefault-run = \"app\"\n"), "{now}");
        let set = "[package]\nname = \"app\"\ndefault-run = \"other\"\n";
        assert!(edited(set, Wanted { default_run: Some("app"), ..SQLITE }).starts_with(set));
        let now = edited(PLAIN, Wanted { binary: "jobs-cli", ..SQLITE });
        assert!(now.contains("[package.metadata.queue]\nbin = \"jobs-cli\"\n"), "{now}");
        let now = edited("[package]\nname = \"app\"\nautobins = false\n", SQLITE);
        assert!(now.contains("[[bin]]\nname = \"craft\"\npath = \"src/bin/craft.rs\"\n"), "{now}");
    }

    #[test]
    fn what_says_something_else_is_refused() {
        let checkout = Checkout { queue: "q".to_owned(), cli: "c".to_owned() };
        let by_path = Wanted { checkout: Some(&checkout), ..SQLITE };
        for (text, wanted, why) in [
            ("[package", SQLITE, "cannot parse Cargo.toml"),
            ("[workspace]\n", SQLITE, "no [package]"),
            ("[package]\nautolib = false\n", SQLITE, "autolib"),
            ("[package]\n[dependencies]\nqueue = { package = \"other\" }\n", SQLITE, "another package"),
            ("[package]\n[dependencies]\nq = { package = \"queue\" }\n", SQLITE, "renames `queue` to `q`"),
            ("[package]\n[dependencies]\nqueue = 1\n", SQLITE, "no dependency"),
            ("[package]\n[dependencies]\nqueue = { git = \"x\" }\n", by_path, "by `git` already"),
            ("[package]\n[dependencies]\nqueue = { workspace = true }\n", by_path, "by `workspace` already"),
            ("dependencies = 1\n[package]\n", SQLITE, "no table"),
        ] {
            let failure = edit(text, wanted).expect_err(text).to_string();
            assert!(failure.contains(why), "{text}: {failure}");
        }
    }
}
