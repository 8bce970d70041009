//! What is seen of a fault that lasts. Without a look at it, a fault that nobody injects would pass for one that does no
//! harm.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use jiff::SignedDuration;

use super::STALE;
use crate::Program;
use crate::audit::Requests;
use crate::programs::sum;
use crate::rbac::user_name;

/// The program was refused at least once for every path it wrote to, Events apart.
pub async fn refused_once(program: &Program, writes: &[String]) -> Result<()> {
    let page = program.metrics().await?;
    let conflicts = |labels: &[(&str, &str)]| {
        let labels = [&[("code", "409")], labels].concat();
        sum(&page, "integration_svc_api_requests_total", &labels)
    };
    let refused = conflicts(&[]) - conflicts(&[("kind", "events")]) - conflicts(&[("kind", "leases")]);
    let paths = paths(writes);
    ensure!(
        !paths.is_empty() && refused >= f64::from(u32::try_from(paths.len())?),
        "{} was refused {refused} times by conflicts on {} paths:\n{}",
        program.name(),
        paths.len(),
        writes.join("\n")
    );
    Ok(())
}

/// The program never wrote to what somebody else had created before it could see it, and it did write to something.
pub fn saw_late(program: &str, requests: &Requests) -> Result<()> {
    let (object, after) = first_reaction(program, requests)
        .with_context(|| format!("{program} wrote to nothing that somebody else created meanwhile"))?;
    ensure!(
        after >= SignedDuration::try_from(STALE)?,
        "{program} wrote to {object} {after:#} after its creation: it did not see it {STALE:?} late"
    );
    Ok(())
}

/// What is written to by PATCH or POST, Events apart.
fn paths(writes: &[String]) -> BTreeSet<&str> {
    let calls = writes.iter().filter_map(|write| write.split_once(' '));
    let wanted = calls.filter(|(method, path)| matches!(*method, "PATCH" | "POST") && !path.contains("/events"));
    wanted.map(|(_, path)| path).collect()
}

/// The shortest time from the creation of an object by somebody else to the first write of the program to it.
fn first_reaction(program: &str, requests: &Requests) -> Option<(String, SignedDuration)> {
    let user = user_name(program);
    let by_object = |verbs: &[&str], own: bool| {
        let mut first = BTreeMap::new();
        for request in &requests.0 {
            if verbs.contains(&request.verb.as_str()) && (request.user == user) == own && request.code < 300 {
                let time = first.entry((&request.resource, &request.name)).or_insert(request.received);
                *time = request.received.min(*time);
            }
        }
        first
    };
    let created = by_object(&["create"], false);
    by_object(&["patch", "update"], true)
        .into_iter()
        .filter_map(|(object, wrote)| {
            Some((format!("{} {}", object.0, object.1), wrote.duration_since(*created.get(&object)?)))
        })
        .min_by_key(|(_, after)| *after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Request;

    #[test]
    fn every_path_counts_once_and_events_do_not() {
        let writes = ["POST /apis/a/snapshots", "PATCH /apis/a/runs/x", "PATCH /apis/a/runs/x", "POST /api/v1/events"];
        let writes = [&writes[..], &["DELETE /apis/a/runs/y"]].concat().into_iter().map(str::to_owned);
        assert_eq!(paths(&writes.collect::<Vec<_>>()), BTreeSet::from(["/apis/a/snapshots", "/apis/a/runs/x"]));
    }

    #[test]
    fn the_first_reaction_to_what_others_create_decides() {
        let request = |program: &str, verb: &str, name: &str, millisecond: i64| Request {
            user: user_name(program),
            verb: verb.to_owned(),
            resource: "pipelineruns".to_owned(),
            name: name.to_owned(),
            code: 200,
            received: jiff::Timestamp::from_millisecond(millisecond).unwrap(),
            ..Request::default()
        };
        let mut requests = vec![
            request("other", "create", "a", 1000),
            request("ours", "create", "own", 1000),
            request("ours", "patch", "own", 1001),
            request("other", "patch", "a", 1500),
            request("ours", "patch", "before", 1700),
        ];
        let said =
            |requests: &[Request]| saw_late("ours", &Requests(requests.to_vec())).map_err(|error| error.to_string());
        assert!(said(&requests).unwrap_err().contains("wrote to nothing"));
        requests.extend([request("ours", "patch", "a", 3001), request("ours", "patch", "a", 4000)]);
        assert_eq!(said(&requests), Ok(()));
        requests.extend([request("other", "create", "b", 4000), request("ours", "patch", "b", 5999)]);
        assert!(said(&requests).unwrap_err().contains("pipelineruns b"));
    }
}
