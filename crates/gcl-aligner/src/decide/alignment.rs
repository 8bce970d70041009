//! The list, and what falls out of it (GA-4, GA-5, GA-X1, GA-X5, GA-X13).

use integration_api::ComponentGroup;
use integration_core::gcl::{self, Aligned};
use serde_json::Value;

use super::{Because, Dropped, Notice, Plan};

/// Most bytes of the note of an Event; the API server takes 1024.
const NOTE_LIMIT: usize = 1000;
/// How the note of an Event begins.
const NOTE: &str = "Dropped from the global candidate list: ";

/// Plans the list that follows the spec again, if `raw` does not.
pub(super) fn align(group: &ComponentGroup, raw: &[Value], plan: &mut Plan) {
    let Some(Aligned { entries, dropped }) = gcl::ordered(group, raw) else { return };
    let mut because = |reason| plan.because.push(Because { decision: "align", reason });
    if entries.iter().any(|entry| !raw.contains(entry)) {
        because("added");
    }
    if !dropped.is_empty() {
        because("dropped");
    }
    let kept = raw.iter().filter(|entry| entries.contains(entry) && !dropped.contains(entry));
    let known = entries.iter().filter(|entry| raw.contains(entry));
    if !kept.eq(known) {
        because("reordered");
    }
    plan.dropped = dropped.iter().map(|entry| told(group, entry)).collect();
    plan.events = notices(&plan.dropped);
    plan.list = Some(entries);
}

fn told(group: &ComponentGroup, entry: &Value) -> Dropped {
    let text = |key| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (name, version) = (text("name"), text("version"));
    let nested = || group.spec.components.iter().any(|reference| reference.is_group() && reference.name == name);
    let reason = if gcl::is_member(group, &name, &version) {
        "duplicate"
    } else if version.is_empty() && nested() {
        "nested_group"
    } else {
        "not_a_member"
    };
    Dropped { name, version, image: text("lastPromotedImage"), reason }
}

/// As few Events as hold all of it. A lost image is worth a warning.
fn notices(dropped: &[Dropped]) -> Vec<Notice> {
    let mut notices: Vec<Notice> = Vec::new();
    for entry in dropped {
        let (text, warning) = (sentence(entry), !entry.image.is_empty());
        match notices.last_mut() {
            Some(last) if last.note.len() + text.len() + 2 <= NOTE_LIMIT => {
                last.note.push_str("; ");
                last.note.push_str(&text);
                last.warning |= warning;
            }
            _ => notices.push(Notice { warning, reason: "CandidatesDropped", note: format!("{NOTE}{text}") }),
        }
    }
    notices
}

fn sentence(Dropped { name, version, image, reason }: &Dropped) -> String {
    let candidate = if image.is_empty() { "no image was promoted" } else { image };
    let why = match *reason {
        "duplicate" => "listed twice, the newest entry stays",
        "nested_group" => "a nested ComponentGroup has no candidate of its own",
        _ => "no member of the group any more",
    };
    format!("{name} (version {version}): {why}, {candidate}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped(number: usize) -> Dropped {
        let image = format!("quay.io/org/c{number}@sha256:{}", "a".repeat(64));
        Dropped { name: format!("c{number}"), version: "main".to_owned(), image, reason: "not_a_member" }
    }

    // GA-X13: each name, version and image is in an Event, and each Event fits.
    #[test]
    fn ga_x13_many_dropped_entries_are_all_named() {
        let all: Vec<_> = (0..50).map(dropped).collect();
        let notices = notices(&all);
        assert!(notices.len() > 1 && notices.len() < 15, "{}", notices.len());
        assert!(notices.iter().all(|notice| notice.note.len() <= NOTE_LIMIT && notice.warning));
        for entry in &all {
            let named = |notice: &Notice| {
                notice.note.contains(&format!("{} (version main)", entry.name)) && notice.note.contains(&entry.image)
            };
            assert!(notices.iter().any(named), "{}", entry.name);
        }
    }
}
