//! What somebody may have meant: bindings that almost are the one that is missing.

use super::binding::Base;
use super::dependencies::Want;
use super::key::{Key, place, short};
use super::resolve::Core;

/// What a run hands out by value. The container knows neither type, so it goes by their names.
const HANDLES: [&str; 2] = ["JobContext", "Queue"];

/// How to bind a key that nothing resembles.
pub(super) fn binding(key: &Key) -> String {
    let name = short(key.type_name);
    let (of_this_crate, _) = module_path!().split_once("::").unwrap_or_default();
    if HANDLES.contains(&name.as_str()) && key.type_name.split("::").next() == Some(of_this_crate) {
        return format!("`{name}` is a handle that each run has, and no binding: write `{name}` instead of `Arc<{name}>`");
    }
    let named = key.name.map(|name| format!(", and `.named(\"{name}\")` after it")).unwrap_or_default();
    if name.starts_with("dyn ") {
        return format!(
            "write `.instance::<{name}>(Arc::new(..))`, or `.singleton(..).expose::<{name}>(|service| service)`{named}"
        );
    }
    let bare = name.split('<').next().filter(|bare| bare.starts_with(char::is_uppercase));
    let constructor = bare.map_or_else(|| "..".to_owned(), |bare| format!("{bare}::new"));
    format!("write `.singleton({constructor})`, `.scoped(..)` for one a run, or `.instance(Arc::new(..))`{named}")
}

/// What may be meant by a key that is not bound, each with what to write instead.
pub(super) fn misses(core: &Core, key: &Key) -> Vec<String> {
    let mut hints = Vec::new();
    for &index in core.all(key.type_id) {
        hints.push(other_name(core, key, index));
    }
    for (index, binding) in core.bindings.iter().enumerate().filter(|(_, binding)| !binding.definition.is_contextual) {
        let bound = &binding.definition.key;
        if bound.type_id != key.type_id {
            hints.extend(other_type(key, bound, &core.label(index)));
        }
    }
    if hints.is_empty() && key.type_name.starts_with("dyn ") {
        hints.extend(not_exposed(core, key));
    }
    hints
}

fn other_name(core: &Core, key: &Key, index: usize) -> String {
    let bound = &core.bindings[index].definition;
    let at = place(bound.place);
    match (key.name, bound.key.name) {
        (None, Some(name)) => format!("it is bound with a name at {at}: ask for it by `#[inject(name = \"{name}\")]`"),
        (Some(name), None) => {
            format!("it is bound without a name at {at}: ask for it without one, or write `.named(\"{name}\")` after the binding")
        }
        (_, Some(name)) => format!("it is bound with another name, \"{name}\", at {at}"),
        (None, None) => format!("it is bound at {at}"),
    }
}

fn other_type(key: &Key, bound: &Key, label: &str) -> Option<String> {
    let (wanted, found) = (key.type_name, bound.type_name);
    if without_markers(wanted) == without_markers(found) && wanted != found {
        let bare = short(without_markers(wanted).as_str());
        return Some(format!(
            "{label} is bound, a different type: write `{bare}` in both places and put `Send + Sync` on the trait"
        ));
    }
    if let Some(wrapper) = wraps(found, wanted) {
        let instead = match wrapper {
            "Result" => "use the `try_` form of the method".to_owned(),
            _ if wanted.starts_with("dyn ") => {
                format!("return the type itself, then `.expose::<{}>(|service| service)`", short(wanted))
            }
            _ => format!("return `{}` itself", short(wanted)),
        };
        return Some(format!("{label} is bound, because the constructor returns {}: {instead}", article(wrapper)));
    }
    if short(wanted) == short(found) {
        return Some(format!(
            "another type of that name is bound at {}: `{wanted}` is asked for, `{found}` is bound; two modules, or two versions of a crate",
            label.rsplit_once('(').map_or(label, |(_, at)| at.trim_end_matches(')')),
        ));
    }
    None
}

fn article(wrapper: &str) -> &'static str {
    match wrapper {
        "Arc" => "an `Arc`",
        "Box" => "a `Box`",
        _ => "a `Result`",
    }
}

/// The wrapper that `found` puts around `wanted`, if it is one that constructors like to return.
fn wraps(found: &str, wanted: &str) -> Option<&'static str> {
    let (outer, inner) = found.split_once('<')?;
    let wrapper = match outer {
        "alloc::sync::Arc" => "Arc",
        "alloc::boxed::Box" => "Box",
        "core::result::Result" => "Result",
        _ => return None,
    };
    let rest = inner.strip_prefix(wanted)?;
    (rest == ">" || (wrapper == "Result" && rest.starts_with(','))).then_some(wrapper)
}

/// `dyn T + Send + Sync` and `dyn T` are one for a person.
fn without_markers(type_name: &str) -> String {
    type_name.replace(" + core::marker::Send", "").replace(" + core::marker::Sync", "")
}

/// Which types implement a trait is not known at run time. Services that nobody asks for and that show no trait are the ones
/// somebody forgot to expose.
fn not_exposed(core: &Core, key: &Key) -> Option<String> {
    let mut candidates: Vec<usize> = (0..core.bindings.len())
        .filter(|index| {
            let binding = &core.bindings[*index];
            let is_concrete = matches!(binding.base, Base::Itself) && !binding.definition.key.type_name.starts_with("dyn ");
            let is_exposed = core.bindings.iter().any(|other| other.base.index() == Some(*index));
            let is_needed = core
                .bindings
                .iter()
                .flat_map(|other| &other.definition.needs)
                .any(|need| need.want != Want::RunValue && need.key.type_id == binding.definition.key.type_id);
            is_concrete && !is_exposed && !is_needed && !binding.definition.is_contextual
        })
        .collect();
    // `SmtpMailer` is a likelier `dyn Mailer` than `Clock`.
    let name = short(key.type_name).trim_start_matches("dyn ").to_owned();
    candidates.sort_by_key(|index| !core.bindings[*index].definition.key.type_name.contains(name.as_str()));
    candidates.truncate(3);
    let labels: Vec<String> = candidates.into_iter().map(|index| core.label(index)).collect();
    if labels.is_empty() {
        return None;
    }
    let (bound, which) =
        if labels.len() == 1 { ("is bound only as itself", "it") } else { ("are bound only as themselves", "one of them") };
    let list = labels.join(", ");
    Some(format!(
        "{list} {bound}: if {which} implements the trait, write `.expose::<{}>(|service| service)` after the binding",
        short(key.type_name)
    ))
}
