//! Watch events that come late.

use std::collections::VecDeque;
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt};
use kube::runtime::watcher::{self, Event};
use tokio::time::{Instant, timeout_at};

/// A change of an object, or what a list says.
type Said<K> = Result<Event<K>, watcher::Error>;

/// The same events, in their order; a change comes so much later. A list comes at once and takes along what still waits:
/// it begins anew, and an older change behind it would undo it.
pub(crate) fn late<K: Send>(
    events: impl Stream<Item = Said<K>> + Send,
    by: Duration,
) -> impl Stream<Item = Said<K>> + Send {
    let begin = Late { events: Box::pin(events.fuse()), waiting: VecDeque::new(), by };
    stream::unfold(begin, |mut late| async move { late.next().await.map(|event| (event, late)) })
}

struct Late<S, K> {
    events: S,
    /// What came already, and when it is due.
    waiting: VecDeque<(Instant, Said<K>)>,
    by: Duration,
}

impl<S: Stream<Item = Said<K>> + Unpin, K> Late<S, K> {
    async fn next(&mut self) -> Option<Said<K>> {
        loop {
            let came = match self.waiting.front().map(|(due, _)| *due) {
                Some(due) => match timeout_at(due, self.events.next()).await {
                    Ok(came) => came,
                    Err(_) => return self.waiting.pop_front().map(|(_, event)| event),
                },
                None => Some(self.events.next().await?),
            };
            let now = Instant::now();
            match came {
                Some(change @ Ok(Event::Apply(_) | Event::Delete(_))) => {
                    self.waiting.push_back((now + self.by, change));
                }
                other => {
                    self.waiting.iter_mut().for_each(|(due, _)| *due = now);
                    self.waiting.extend(other.map(|event| (now, event)));
                    if let Some((_, event)) = self.waiting.pop_front() {
                        return Some(event);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::channel::mpsc;

    use super::*;

    const LATE: Duration = Duration::from_secs(2);

    /// Events by name; a failure is an end of the watch by the server.
    fn event(name: &'static str) -> Said<&'static str> {
        match name.split_once(' ') {
            Some(("apply", object)) => Ok(Event::Apply(object)),
            Some(("delete", object)) => Ok(Event::Delete(object)),
            Some(("listed", object)) => Ok(Event::InitApply(object)),
            _ if name == "init" => Ok(Event::Init),
            _ if name == "done" => Ok(Event::InitDone),
            _ => Err(watcher::Error::NoResourceVersion),
        }
    }

    fn name(event: &Said<&'static str>) -> String {
        match event {
            Ok(Event::Apply(object)) => format!("apply {object}"),
            Ok(Event::Delete(object)) => format!("delete {object}"),
            Ok(Event::InitApply(object)) => format!("listed {object}"),
            Ok(Event::Init) => "init".to_owned(),
            Ok(Event::InitDone) => "done".to_owned(),
            Err(_) => "error".to_owned(),
        }
    }

    /// Sends these events at these milliseconds; returns what comes, and when.
    async fn passed(script: &'static [(u64, &'static str)]) -> Vec<(u64, String)> {
        let (sender, receiver) = mpsc::unbounded();
        let start = Instant::now();
        tokio::spawn(async move {
            for (at, name) in script {
                tokio::time::sleep_until(start + Duration::from_millis(*at)).await;
                sender.unbounded_send(event(name)).unwrap();
            }
        });
        let stamped = late(receiver, LATE).map(|event| (start.elapsed().as_millis().try_into().unwrap(), name(&event)));
        stamped.collect().await
    }

    fn wanted(script: &[(u64, &str)]) -> Vec<(u64, String)> {
        script.iter().map(|(at, name)| (*at, (*name).to_owned())).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn changes_come_late_and_in_their_order() {
        let got = passed(&[(100, "apply a"), (100, "apply b"), (900, "delete a"), (5000, "apply c"), (9000, "done")]);
        let late = [(2100, "apply a"), (2100, "apply b"), (2900, "delete a"), (7000, "apply c"), (9000, "done")];
        assert_eq!(got.await, wanted(&late));
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_comes_at_once_and_before_it_what_is_older() {
        let got = passed(&[
            (0, "init"),
            (10, "listed a"),
            (20, "done"),
            (30, "apply a"),
            (500, "error"),
            (600, "delete a"),
            (700, "init"),
            (710, "listed b"),
            (720, "done"),
        ]);
        let flushed = [
            (0, "init"),
            (10, "listed a"),
            (20, "done"),
            (500, "apply a"),
            (500, "error"),
            (700, "delete a"),
            (700, "init"),
            (710, "listed b"),
            (720, "done"),
        ];
        assert_eq!(got.await, wanted(&flushed));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_lost_when_the_events_end() {
        assert_eq!(
            passed(&[(100, "apply a"), (200, "delete a")]).await,
            wanted(&[(200, "apply a"), (200, "delete a")])
        );
    }
}
